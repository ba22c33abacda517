"""The widget of lesson 3.1 without a browser: what it counts, what it refuses, what it stores."""

from __future__ import annotations

import json

import pytest

from utils.widgets import SearchCost
from utils.widgets.search_cost import KEPT, PICTURES, SEARCHES, runs

TIMES = {"encode": 0.5, "compare": 1e-5, "read": 0.4}


def test_towers_run_for_the_sum_and_a_cross_encoder_for_the_product():
    found = runs(pictures=1000, searches=20, kept=50)
    assert found["two towers"] == (1020, 0)
    assert found["cross-encoder"] == (0, 20_000)
    assert found["towers, then cross-encoder"] == (1020, 1000)


def test_no_more_is_kept_than_there_is():
    assert runs(pictures=10, searches=3, kept=50)["towers, then cross-encoder"] == (13, 30)


def test_it_displays_a_still_whose_text_holds_counts_and_no_times():
    data, metadata = SearchCost(**TIMES)._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    alt = metadata["image/png"]["alt"]
    assert alt in data["text/plain"]
    assert "two towers 10,100, cross-encoder 1,000,000, towers, then cross-encoder 15,100" in alt
    slower = SearchCost(encode=9, compare=1e-3, read=7)
    assert slower.still()[1] == alt


def test_what_is_sent_is_plain():
    sent = SearchCost(**TIMES, pictures=1000, searches=5, kept=10)._spec
    assert sent["start"] == {"pictures": 1000, "searches": 5, "kept": 10}
    assert sent["choices"] == {"pictures": PICTURES, "searches": SEARCHES, "kept": KEPT}
    assert (PICTURES[0], PICTURES[-1], SEARCHES[-1], KEPT[-1]) == (10, 10_000_000, 1_000_000, 1000)
    json.dumps(sent)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"encode": 0}, "encode is a time in milliseconds, above 0, not 0"),
        ({"read": float("nan")}, "read is a time in milliseconds"),
        ({"pictures": 300}, "pictures is one of 10, 20, 50"),
        ({"searches": 0}, "searches is one of 1, 2, 5"),
        ({"kept": 5000}, "kept is one of .* 1,000, not 5000"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(changed, message):
    with pytest.raises(ValueError, match=message):
        SearchCost(**(TIMES | changed))
