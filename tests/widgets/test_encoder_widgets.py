"""The widgets of lesson 2.1 without a browser: what they refuse, what they store."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from utils.widgets import FieldOfView, MergeSteps, WordAttention
from utils.world.bpe import Merge, train

VIEW = "application/vnd.jupyter.widget-view+json"
GREY = np.full((3, 8, 8), 128, dtype=np.uint8)
EVEN = np.full((2, 2), 0.5)
MERGES = train(["a red ring", "a red star", "a green ring"], 6)


def views(**changed) -> dict:
    part = np.linspace(0, 1, 2 * 2 * 64, dtype=np.float32).reshape(2, 2, 8, 8)
    return {"CNN": {"block 1": part, "block 2": part}, "ViT": {"patches": part, "block 1": part}} | changed


MADE = {
    "MergeSteps": lambda: MergeSteps(MERGES, "a red ring"),
    "MergeSteps, before any merge": lambda: MergeSteps(MERGES, "a red ring", start=0),
    "WordAttention": lambda: WordAttention(["red", "ring"], {"head 1": EVEN, "head 2": np.eye(2)}, chosen=1),
    "FieldOfView": lambda: FieldOfView(GREY, views()),
}


@pytest.mark.parametrize("name", list(MADE))
def test_each_displays_a_still_with_alternative_text(name):
    data, metadata = MADE[name]()._repr_mimebundle_()
    assert data[VIEW]["model_id"]
    assert np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("L")).std() > 1
    alt = metadata["image/png"]["alt"]
    assert len(alt) > 10
    assert alt in data["text/plain"]


def test_merge_steps_begin_in_the_middle_and_their_still_says_what_the_tokenizer_says():
    steps = MergeSteps(MERGES, "a red ring")
    assert steps._spec["start"] == 3
    assert len(steps._spec["merges"]) == 6
    tokens = steps.encoding.tokens("a red ring")
    assert f"{len(tokens)} tokens after 3 merges" in steps.still()[1]


def test_a_byte_travels_as_the_letter_of_its_number():
    (merge,) = train(["é"], 1)
    assert MergeSteps([merge], "é")._spec["merges"] == [["\u00c3", "\u00a9", 1]]


def test_bad_merges_and_texts_are_refused_in_words():
    with pytest.raises(ValueError, match="at least one merge"):
        MergeSteps([], "a")
    with pytest.raises(ValueError, match="give a text"):
        MergeSteps(MERGES, " ")
    with pytest.raises(ValueError, match="there are 6 merges, so 7"):
        MergeSteps(MERGES, "a", start=7)
    with pytest.raises(ValueError, match="merged before any merge has made it"):
        MergeSteps([Merge(b"ab", b"c", 1)], "abc")


def test_bad_maps_are_refused_in_words():
    for words, maps, chosen, message in (
        (["red"], {"head": np.eye(1)}, 0, "from 2 to 64 words, not 1"),
        (["red", "ring"], {}, 0, "at least one map"),
        (["red", "ring"], {"head": np.eye(3)}, 0, r"\[2, 2\], not \[3, 3\]"),
        (["red", "ring"], {"head": 2 * np.eye(2)}, 0, "take the softmax first"),
        (["red", "ring"], {"head": np.eye(2)}, 2, "there is no word 2"),
    ):
        with pytest.raises(ValueError, match=message):
            WordAttention(words, maps, chosen=chosen)


def test_bad_views_are_refused_in_words():
    part = views()["CNN"]["block 1"]
    for changed in ({"CNN": {"block 1": part}}, {"ViT": {"patches": part[:1], "block 1": part}}):
        with pytest.raises(ValueError, match="as many layers"):
            FieldOfView(GREY, views(**changed))
    with pytest.raises(ValueError, match="from 0 to 1"):
        FieldOfView(GREY, views(CNN={"block 1": part, "block 2": 2 * part}))
    with pytest.raises(ValueError, match=r"uint8 of shape \[3, height, width\]"):
        FieldOfView(GREY[0], views())
