"""The widget of lesson 3.5 without a browser: what it refuses, what it stores, what it counts."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from utils.widgets import ExpertRouting, RoutedText

GREY = np.full((3, 32, 32), 128, dtype=np.uint8)
WORDS = ("<start>", *["<image>"] * 4, "a", "red", "ring")


def routed(**changed) -> RoutedText:
    chosen = np.stack([np.arange(8) % 4, (np.arange(8) + 1) % 4], axis=-1)
    given = {"picture": GREY, "words": WORDS, "chosen": {"before": np.stack([chosen, chosen]), "after": [chosen] * 2}}
    return RoutedText(**(given | changed))


def routing(**changed) -> ExpertRouting:
    return ExpertRouting(**({"texts": [routed(), routed()], "experts": 4, "layers": ["block 2", "block 4"]} | changed))


def test_a_still_with_alternative_text_is_stored():
    data, metadata = routing()._repr_mimebundle_()
    assert np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB")).std() > 1
    alt = metadata["image/png"]["alt"]
    assert "'a red ring'" in alt
    assert "before, block 4" in alt
    assert alt in data["text/plain"]


def test_the_alternative_text_does_not_depend_on_where_tokens_went():
    elsewhere = routed(chosen={name: np.zeros((2, 8, 2), dtype=int) for name in ("before", "after")})
    assert routing(texts=[elsewhere]).still()[1] == routing(texts=[routed()]).still()[1]


def test_loads_are_counted_by_kind_of_token_and_sum_to_all_choices():
    loads = routing().loads("after", 1)
    assert loads["image"].sum() == 2 * 4 * 2
    assert loads["text"].sum() == 2 * 4 * 2
    # squares are tokens 1 to 4, so each of the four experts is the first choice of one and the second of another
    assert loads["image"].tolist() == [4, 4, 4, 4]


def test_what_is_sent_is_plain_and_names_each_text():
    sent = routing()._spec
    assert [text["name"] for text in sent["texts"]] == ["1. a red ring", "2. a red ring"]
    plain = [{**text, "picture": None} for text in sent["texts"]]
    json.dumps({**sent, "texts": plain})
    assert np.shape(sent["texts"][0]["chosen"]) == (2, 2, 8, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"texts": []}, "at least one text"),
        ({"experts": 1}, "2 to 16 experts, not 1"),
        ({"experts": 3}, "numbered from 0 to 2"),
        ({"layers": ["block 2"]}, r"\[1 layers, 8 words, top_k\], not \[2, 8, 2\]"),
        (
            {"texts": [routed(), routed(chosen={"before": np.zeros((2, 8, 2), dtype=int)})]},
            "same models: before, after",
        ),
        ({"texts": [routed(chosen={"one": np.zeros((2, 8, 2))})]}, "numbered from 0 to 3"),
        (
            {"texts": [routed(chosen={"one": np.zeros((2, 8, k), dtype=int)}) for k in (1, 2)]},
            "equally many experts",
        ),
    ],
)
def test_routes_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        routing(**changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"words": ("a", "ring")}, "as many <image> as a picture has squares, 1, 4, 9 or more, not 0"),
        ({"words": ("<image>", "<image>", "a")}, "not 2"),
        ({"picture": np.zeros((32, 32))}, "uint8 of shape"),
        ({"chosen": {}}, "at least one model"),
    ],
)
def test_texts_that_make_no_sense_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        routed(**changed)
