"""The short version of grading_speed.py: it prints ratios, and fails only on a trap, never on a slow machine."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("nbgrader", reason="what ours is measured against; pip install -e '.[dev]'")

import grading_speed as benchmark

from utils.grading.sandbox import examine

# a torch that is imported again for each submission, say; at this size of class ours is mostly start
TRAP = 1.0


def test_a_ratio_is_the_median_over_rounds():
    assert benchmark.ratio([4.0, 6.0, 100.0], [2.0, 2.0, 2.0]) == 3.0


def test_no_two_learners_hand_in_the_same():
    handed = benchmark.a_class(5)
    assert len(set(handed.values())) == len(handed) == 5


def test_the_notebooks_for_otter_have_its_checks_in_place_of_ours():
    text = benchmark._for_otter(benchmark.a_class(1)["learner-0000"])
    assert [f'"tests": ["q{number}"]' in text for number in (1, 2, 3)] == [True] * 3
    assert "check(" not in text.replace("`check(...)`", "")


@pytest.mark.benchmark
def test_grading_speed_beside_nbgrader(measured):
    if examine().level == "none":
        pytest.skip("answers cannot be isolated here")
    graders = {"ours": benchmark.ours, "nbgrader": benchmark.nbgrader}
    sizes = {"ours": 40, "nbgrader": 2}
    slots = min(2, os.cpu_count() or 1)
    found = benchmark.measure(graders, sizes, slots, rounds=1)
    measured("\n".join(benchmark.speed_lines(found, sizes, slots, memory={})))
    nbgrader, ours = ([seconds.cpu for seconds in found[name]] for name in ("nbgrader", "ours"))
    assert benchmark.ratio(nbgrader, ours) > TRAP
