"""The widget of lesson 3.4 without a browser: what it refuses, what it stores."""

from __future__ import annotations

import numpy as np
import pytest

from utils.widgets import InterleavedText

GREY = np.full((3, 32, 32), 128, dtype=np.uint8)
TOKENS = ["<start>", "<image>", "dim", "<image>"]
LOOKS = np.concatenate([np.zeros((1, 4)), np.full((3, 4), 0.25)])
SHARES = np.full((3, 4, 2), 0.3)


def text(**changes) -> InterleavedText:
    arguments = {
        "tokens": TOKENS,
        "pictures": [("a red ring", GREY), ("a red ring", GREY)],
        "looks": LOOKS,
        "words": ["byd", "dim"],
        "shares": SHARES,
        "openings": [0.0, 0.5, 1.0],
    }
    return InterleavedText(**{**arguments, **changes})


def test_it_displays_a_still_with_alternative_text():
    data, metadata = text()._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] in data["text/plain"]
    assert metadata["image/png"]["alt"].startswith("2 pictures, each under the words that look at it")


def test_words_stand_with_the_picture_that_they_look_at_in_the_still():
    figures = []
    original = text().draw_still

    def kept(figure):
        figures.append(figure)
        return original(figure)

    widget = text()
    widget.draw_still = kept
    widget.still()
    titles = [axes.get_title() for axes in figures[0].axes][:2]
    assert titles == ["<image>\ndim", "<image>"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pictures": [("a red ring", GREY)]}, "the text has 2, and there are 1"),
        ({"pictures": [("a", GREY), ("b", GREY.astype(float))]}, "uint8 of shape"),
        ({"looks": LOOKS[:3]}, r"looks are \[4 tokens, patches of a square grid\], not \[3, 4\]"),
        ({"looks": LOOKS[:, :3]}, "square grid"),
        ({"looks": LOOKS * np.nan}, "finite"),
        ({"shares": SHARES[:2]}, r"shares are \[3 openings, 4 tokens, 2 words\], not \[2, 4, 2\]"),
        ({"words": [], "shares": SHARES[..., :0]}, "0 words"),
        ({"openings": [0.0, 0.5, 0.9]}, "openings rise from 0 to 1"),
        ({"openings": [0.0, 1.0, 0.5]}, "openings rise from 0 to 1"),
    ],
)
def test_it_refuses_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        text(**changes)
