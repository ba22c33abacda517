"""The widget of lesson 3.3 without a browser: what it refuses, where it begins, what its still says."""

from __future__ import annotations

import numpy as np
import pytest

from utils.widgets import OneSequence

PICTURE = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
TOKENS = ["<start>", *["<image>"] * 4, "<end>", "how", "big", "<end>", "large", "<end>"]
LEARNT = [False] * 9 + [True] * 2
GUESS = [("large", 0.75), ("small", 0.25)]


def sequence(**changes) -> OneSequence:
    arguments = {
        "tokens": TOKENS,
        "picture": PICTURE,
        "learnt": LEARNT,
        "guesses": {"stage 1": [GUESS] * 11, "stage 2": [GUESS[:1]] * 11},
    }
    return OneSequence(**{**arguments, **changes})


def test_it_begins_where_the_model_is_to_answer():
    widget = sequence()
    assert (widget.start, TOKENS[widget.start]) == (8, "<end>")
    assert widget._spec["start"] == 8


def test_the_still_tells_what_each_stage_takes_to_come_next():
    data, metadata = sequence()._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    alt = metadata["image/png"]["alt"]
    assert alt in data["text/plain"]
    assert "11 tokens, 4 of them squares of a picture" in alt
    assert "behind '<end>' by stage. stage 1: large; stage 2: large" in alt


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": ["<start>", "how"], "learnt": [False, True]}, "square grid, and the sequence holds 0"),
        ({"tokens": ["<start>", *["<image>"] * 3, *TOKENS[5:], "a"]}, "square grid, and the sequence holds 3"),
        ({"learnt": LEARNT[1:]}, "of each of the 11 tokens"),
        ({"learnt": [False] * 11}, "of some True"),
        ({"learnt": [True] * 11}, "of the first False"),
        ({"guesses": {}}, "at least one stage"),
        ({"guesses": {"stage 1": [GUESS]}}, "'stage 1' needs guesses for each of the 11 tokens"),
        ({"guesses": {"stage 1": [[]] * 11}}, "'stage 1' needs guesses for each of the 11 tokens"),
        ({"guesses": {"stage 1": [[("large", 1.5)]] * 11}}, "not between 0 and 1"),
        ({"picture": PICTURE.astype(float)}, "uint8 of shape"),
    ],
)
def test_it_refuses_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        sequence(**changes)
