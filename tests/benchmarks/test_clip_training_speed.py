"""The short version of clip_training_speed.py: it prints ratios, and fails only on a trap, never on a slow machine."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="what ours is measured against; pip install -e '.[test]'")

import clip_training_speed as benchmark

BATCH = 16
# a bfloat16 attention kernel, say, whose backward pass is 17 times slower; no noise halves a median of ratios
TRAP = 0.5


@pytest.mark.parametrize("shape", benchmark.SHAPES)
def test_both_contestants_compute_the_same(shape):
    """Or the ratio of their speeds would say nothing: the same losses, before and after a step of training."""
    steps = benchmark.contestants(shape, BATCH)
    for _ in range(2):
        assert steps["ours"]() == pytest.approx(steps["transformers"](), rel=1e-4)


@pytest.mark.benchmark
def test_training_speed_beside_transformers(measured):
    speeds = benchmark.measure(benchmark.contestants("lesson"), seconds=4)
    measured("\n".join(benchmark.lines("lesson", 1, speeds)))
    for name in {"ours", "ours, fast"} & speeds.keys():
        assert min(speeds[name].over(speeds["transformers"])) > TRAP
