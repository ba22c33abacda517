"""The widgets of lesson 2.7 without a browser: what they refuse, what they store."""

from __future__ import annotations

import numpy as np
import pytest

from utils.widgets import ShotBoard, StepChain

GREY = np.full((3, 32, 32), 128, dtype=np.uint8)
WIDE = np.full((3, 32, 64), 128, dtype=np.uint8)
SHARES = np.full((1, 9, 2), 0.5)


def board(**changes) -> ShotBoard:
    arguments = {"shots": {"a": GREY, "b": GREY}, "asked": {"c": GREY}, "words": ["byd", "dim"], "shares": SHARES}
    return ShotBoard(**{**arguments, "start": [0, 1], **changes})


def chain(**changes) -> StepChain:
    after = [{"red": ["blue"], "green": ["red"]}, {"blue": [], "red": []}]
    arguments = {"pictures": {"a domino": WIDE}, "question": "Where to?", "steps": ["red", "blue"]}
    return StepChain(**{**arguments, "continuations": after, "truth": ["red", "blue"], **changes})


@pytest.mark.parametrize("make", [board, chain])
def test_they_display_a_still_with_alternative_text(make):
    data, metadata = make()._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] in data["text/plain"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shares": SHARES[:, :8]}, r"shares \[1, 9, 2\], not \[1, 8, 2\]"),
        ({"words": ["byd"]}, "two words"),
        ({"start": [0, 3]}, "start holds 0, 1 or 2 for each of 2 shots"),
        ({"shots": {}}, "1 to 7 shots"),
        ({"asked": {"c": GREY[:1]}}, r"uint8 of shape \[3, height, width\]"),
        ({"shares": SHARES * np.nan}, "finite"),
    ],
)
def test_a_board_refuses_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        board(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": []}, "0 steps need as many"),
        ({"truth": ["red"]}, "2 steps need as many continuations and true steps, not 2 and 1"),
        ({"steps": ["green", "blue"]}, "after its own step 1, 'green'"),
        ({"pictures": {"a": GREY.astype(float)}}, "uint8 of shape"),
    ],
)
def test_a_chain_refuses_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        chain(**changes)
