"""The widgets of lesson 2.6 without a browser: what they refuse, what they store, what they send."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from utils.widgets import LabelCurves, LabelTask, LowRank

GREY = np.full((5, 3, 32, 32), 128, dtype=np.uint8)


def low_rank(**changed) -> LowRank:
    rng = np.random.default_rng(0)
    given = {
        "weight": rng.normal(size=(6, 4)),
        "update": rng.normal(size=(6, 4)),
        "scores": {0: 0.1, 2: 0.7, 4: 0.9},
        "rank": 2,
    }
    return LowRank(**(given | changed))


def label_task(**changed) -> LabelTask:
    curve = {10: (0.3, 0.2, 0.4), 100: (0.8, 0.7, 0.9)}
    given = {"curves": {"fine-tuned": curve, "from scratch": curve}, "pictures": GREY, "names": "abcde", "chance": 0.1}
    return LabelTask(**(given | changed))


def label_curves(**changed) -> LabelCurves:
    return LabelCurves(**({"tasks": {"shapes": label_task()}, "labels": 10} | changed))


@pytest.mark.parametrize("make", [low_rank, label_curves])
def test_a_still_with_alternative_text_is_stored(make):
    data, metadata = make()._repr_mimebundle_()
    assert np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB")).std() > 1
    assert len(metadata["image/png"]["alt"]) > 20
    assert metadata["image/png"]["alt"] in data["text/plain"]


def test_the_alternative_text_holds_no_measured_number():
    assert low_rank().still()[1] == low_rank(scores={0: 0.2, 2: 0.6, 4: 0.8}).still()[1]


def test_labels_can_have_another_name():
    assert "number of labels" in label_curves().still()[1]
    widget = label_curves(unit="instructions")
    assert "number of instructions" in widget.still()[1]
    assert widget._spec["unit"] == "instructions"


def test_all_ranks_together_are_the_update_and_fewer_are_nearer_than_any_other_of_that_rank():
    widget = low_rank()
    np.testing.assert_allclose(widget.b @ widget.a, widget.update, atol=1e-12)
    missed = np.linalg.norm(widget.update - widget.b[:, :2] @ widget.a[:2])
    assert missed == pytest.approx(np.sqrt((widget.singular_values[2:] ** 2).sum()))  # Eckart and Young 1936


def test_what_is_sent_is_small_and_plain():
    sent = low_rank()._spec
    assert len(sent["b"]) == 4 * 6 * 4
    assert len(sent["a"]) == 4 * 4 * 4
    json.dumps({name: value for name, value in sent.items() if not isinstance(value, bytes)})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"update": np.ones((4, 6))}, r"\[outputs, inputs\] alike"),
        ({"weight": np.ones((6, 200)), "update": np.ones((6, 200))}, "2 to 128"),
        ({"update": np.zeros((6, 4))}, "not all zero"),
        ({"update": np.full((6, 4), np.nan)}, "finite"),
        ({"scores": {0: 0.1, 2: 0.7}}, "up to the full 4"),
        ({"scores": {2: 0.7, 0: 0.1, 4: 0.9}}, "rising order"),
        ({"rank": 3}, "no score for rank 3; there is for 0, 2, 4"),
    ],
)
def test_matrices_and_scores_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        low_rank(**changed)


def test_only_the_first_pictures_are_sent():
    many = np.repeat(GREY, 40, axis=0)
    widget = label_curves(tasks={"shapes": label_task(pictures=many, names=["a"] * len(many))})
    assert len(widget._spec["tasks"][0]["pictures"]) == 100


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tasks": {}}, "at least one task"),
        ({"labels": 50}, "no figure for 50 labels; there is for 10, 100"),
        ({"tasks": {"a": label_task(names="abc")}}, "5 pictures and 3 names"),
        ({"tasks": {"a": label_task(curves={str(i): {10: (0, 0, 0)} for i in range(4)})}}, "4 curves"),
        (
            {"tasks": {"a": label_task(), "b": label_task(curves={"x": {10: (0, 0, 0)}})}},
            "same numbers of labels",
        ),
    ],
)
def test_curves_that_do_not_fit_together_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        label_curves(**changed)
