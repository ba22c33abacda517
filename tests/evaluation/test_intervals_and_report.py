"""Bootstrap intervals cover what they promise, and a report prints one stable line."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.evaluation import Interval, bootstrap, report


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """500 samples of 60 coin throws each, p = 0.3: the true p lies in the 95 % interval of roughly 95 % of them."""
    throws = (torch.rand(500, 60, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    intervals = [bootstrap(sample, resamples=300) for sample in throws]
    covered = sum(interval.low <= 0.3 <= interval.high for interval in intervals) / len(intervals)
    assert 0.90 <= covered <= 0.98


def test_a_smaller_level_gives_a_narrower_interval_and_covers_less():
    values = torch.randn(200, generator=torch.Generator().manual_seed(1))
    wide, narrow = bootstrap(values, level=0.99), bootstrap(values, level=0.5)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_the_width_is_that_of_the_normal_approximation():
    values = torch.randn(1000, generator=torch.Generator().manual_seed(2))
    interval = bootstrap(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std().item() / 1000**0.5, rel=0.1)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_interval_contains_the_mean_and_lies_within_the_values(values):
    interval = bootstrap(torch.tensor(values, dtype=torch.float64))
    assert interval.low - 1e-9 <= interval.mean <= interval.high + 1e-9
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9


def test_the_same_values_give_the_same_interval_whatever_was_drawn_before():
    values = torch.randn(30)
    first = bootstrap(values)
    torch.rand(7)
    assert bootstrap(values) == first
    assert bootstrap(values, seed=1) != first


def test_truths_count_as_one_and_zero():
    assert bootstrap(torch.tensor([True, False, True, True])).mean == 0.75


def test_a_value_that_is_no_number_is_not_hidden():
    interval = bootstrap(torch.tensor([1.0, torch.nan]))
    assert interval.mean != interval.mean


def test_nothing_to_average_is_refused():
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap(torch.tensor([]))


@pytest.mark.parametrize("level", [0, 1, 95, -0.5])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match=f"between 0 and 1, not {level}"):
        bootstrap(torch.ones(3), level=level)


def test_an_interval_prints_its_mean_and_bounds():
    assert str(Interval(0.9712, 0.9349, 0.99)) == "0.97 [0.93, 0.99]"


@pytest.mark.parametrize(
    ("value", "limit", "line"),
    [
        (0.974, {"bar": 0.9}, "recall@1 0.97, bar 0.90: met"),
        (0.9, {"bar": 0.9}, "recall@1 0.90, bar 0.90: met"),
        (0.5, {"bar": 0.9}, "recall@1 0.50, bar 0.90: NOT met"),
        (41.2, {"at_most": 60}, "recall@1 41.20, at most 60.00: met"),
        (61, {"at_most": 60}, "recall@1 61.00, at most 60.00: NOT met"),
        (float("nan"), {"bar": 0.9}, "recall@1 nan, bar 0.90: NOT met"),
        (float("nan"), {"at_most": 0.9}, "recall@1 nan, at most 0.90: NOT met"),
        (torch.tensor(0.95), {"bar": 0.9}, "recall@1 0.95, bar 0.90: met"),
    ],
)
def test_a_report_is_one_line_with_the_figure_its_limit_and_the_verdict(capsys, value, limit, line):
    report("recall@1", value, **limit)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize("limits", [{}, {"bar": 1, "at_most": 2}])
def test_a_report_needs_one_limit(limits):
    with pytest.raises(ValueError, match=r"either bar= .* or at_most="):
        report("x", 1.0, **limits)


def test_checking_a_notebook_masks_the_measured_figure_and_nothing_else(capsys):
    from utils.publishing.verdicts import mask_measured

    report("recall@1 of 64 captions", 0.974, bar=0.9)
    assert mask_measured(capsys.readouterr().out) == "recall@1 of 64 captions <measured>, bar 0.90: met\n"
