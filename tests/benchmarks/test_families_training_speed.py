"""The short version of families_training_speed.py: it prints ratios, and fails on a trap only, never on slowness."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="what ours is measured against; pip install -e '.[test]'")

import families_training_speed as benchmark

TRAP = 0.5  # no noise halves a median of ratios


@pytest.mark.parametrize("family", benchmark.FAMILIES)
def test_both_contestants_compute_the_same(family):
    """Or the ratio of their speeds would say nothing: the same losses, before and after a step of training."""
    steps = benchmark.FAMILIES[family](4)
    for _ in range(2):
        assert steps["ours"]() == pytest.approx(steps["transformers"](), rel=1e-4)


@pytest.mark.benchmark
@pytest.mark.parametrize("family", benchmark.FAMILIES)
def test_training_speed_beside_transformers(measured, family):
    speeds = benchmark.measure(benchmark.FAMILIES[family](benchmark.BATCH), seconds=2, batch=benchmark.BATCH)
    measured(benchmark.line(family, 1, speeds))
    assert min(speeds["ours"].over(speeds["transformers"])) > TRAP
