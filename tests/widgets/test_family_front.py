"""The widget of lesson 3.6 without a browser: what it computes, what it refuses, what it stores."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from utils.widgets import Contender, FamilyFront
from utils.widgets.family_front import ALL, GALLERIES, on_the_front

TOWERS = Contender(kinds={"count": 0.8, "relation": 0.4}, found=0.7, answer=4e6, search=2e6, each=100)
WRITER = Contender(kinds={"count": 0.9, "relation": 0.8}, found=0.9, answer=7e6, search=0, each=9e6)
COSTLY = Contender(kinds={"count": 0.9, "relation": 0.6}, found=0.5, answer=9e6, search=0, each=2e7)
THREE = {"towers": TOWERS, "writer": WRITER, "costly": COSTLY}


def test_a_point_is_the_mean_over_requests():
    assert TOWERS.point(ALL, searches=0.0, gallery=1000) == (pytest.approx(0.6), 4e6)
    assert TOWERS.point("relation", searches=0.0, gallery=1000) == (0.4, 4e6)
    assert WRITER.point("count", searches=1.0, gallery=1000) == (0.9, 9e9)
    assert TOWERS.point("count", searches=0.5, gallery=1000) == (pytest.approx(0.75), 0.5 * 2.1e6 + 0.5 * 4e6)


def test_only_whom_nobody_beats_is_on_the_front():
    assert on_the_front({"a": (0.5, 1.0), "b": (0.5, 2.0), "c": (0.4, 1.0), "d": (0.9, 9.0)}) == ["a", "d"]
    assert on_the_front({"a": (0.5, 1.0), "twin": (0.5, 1.0)}) == ["a", "twin"]


def test_it_displays_a_still_that_says_who_is_on_the_front():
    data, metadata = FamilyFront(THREE)._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    alt = metadata["image/png"]["alt"]
    assert alt in data["text/plain"]
    assert "writer 0.85 at 7.0e+06" in alt
    assert alt.endswith("not beaten: towers, writer")


def test_what_is_sent_is_plain():
    sent = FamilyFront(THREE, searches=0.25, gallery=1000)._spec
    assert sent["start"] == {"searches": 25, "gallery": 1000}
    assert sent["kinds"] == [ALL, "count", "relation"]
    assert sent["contenders"][0] == {
        "name": "towers",
        "kinds": {"count": 0.8, "relation": 0.4},
        "found": 0.7,
        "answer": 4e6,
        "search": 2e6,
        "each": 100,
    }
    assert (GALLERIES[0], GALLERIES[-1]) == (10, 10_000_000)
    json.dumps(sent)


@pytest.mark.parametrize(
    ("contenders", "changed", "message"),
    [
        ({"towers": TOWERS}, {}, "2 to 6 contenders, not 1"),
        (
            THREE | {"other": replace(TOWERS, kinds={"count": 1.0})},
            {},
            "'other' has the kinds count, and not count, rel",
        ),
        (THREE | {"other": replace(TOWERS, found=1.2)}, {}, "'other' has a share that does not lie between 0 and 1"),
        (THREE | {"other": replace(TOWERS, answer=0)}, {}, "'other' has a cost that is none"),
        (THREE | {"other": replace(TOWERS, each=float("nan"))}, {}, "'other' has a cost that is none"),
        (THREE, {"searches": 50}, "searches is a share from 0 to 1, not 50"),
        (THREE, {"gallery": 300}, "gallery is one of 10, 100, .*, not 300"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(contenders, changed, message):
    with pytest.raises(ValueError, match=message):
        FamilyFront(contenders, **changed)
