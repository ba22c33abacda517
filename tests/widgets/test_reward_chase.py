"""The widget of lesson 3.8 without a browser: what it sends, what it refuses, its still."""

from __future__ import annotations

import json

import numpy as np
import pytest

from utils.widgets import ChasePoint, RewardChase

PICTURES = [np.zeros((3, 8, 8), np.uint8), np.full((3, 8, 8), 255, np.uint8)]
CAPTIONS = [[("a small red ring", True), ("a large blue star", False)], [("a small red ring", True)]]


def point(kl, reward, worth):
    return ChasePoint(kl, reward, worth, CAPTIONS)


WAYS = {"free": [point(0, 0, 1), point(4, 2, 0.5)], "held": [point(0, 0, 1), point(1, 1, 1.25)]}


def test_it_displays_a_still_that_says_where_both_curves_begin_and_end():
    data, metadata = RewardChase(WAYS, PICTURES)._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    alt = metadata["image/png"]["alt"]
    assert alt in data["text/plain"]
    assert "free: reward 0.00 to 2.00, worth 1.00 to 0.50" in alt
    assert "held: reward 0.00 to 1.00, worth 1.00 to 1.25" in alt


def test_what_is_sent_holds_all_points_and_what_of_each_caption_is_true():
    sent = RewardChase(WAYS, PICTURES)._spec
    assert [way["name"] for way in sent["ways"]] == ["free", "held"]
    first = sent["ways"][0]["points"][1]
    assert (first["kl"], first["values"]) == (4.0, [2.0, 0.5])
    assert first["captions"][0][1] == {"words": "a large blue star", "true": False}
    assert len(sent["pictures"]) == 2
    json.dumps(sent["ways"])


def test_an_estimate_of_the_divergence_below_zero_is_drawn_at_zero():
    ways = {"free": [point(0, 0, 1), point(-0.1, 2, 0.5)]}
    assert RewardChase(ways, PICTURES)._spec["ways"][0]["points"][1]["kl"] == 0.0


@pytest.mark.parametrize(
    ("ways", "pictures", "message"),
    [
        ({}, PICTURES, "at least one way, of two points or more"),
        ({"free": [point(0, 0, 1)]}, PICTURES, "at least one way, of two points or more"),
        (WAYS, [], "at least one picture"),
        (WAYS, PICTURES[:1], "has 2 captions, and there are 1 pictures"),
        ({"free": [point(0, 0, 1), point(1, float("nan"), 1)]}, PICTURES, "a point of the way 'free' is not finite"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(ways, pictures, message):
    with pytest.raises(ValueError, match=message):
        RewardChase(ways, pictures)
