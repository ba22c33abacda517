"""How sure a figure is: percentile bootstrap (Efron 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Interval:
    """A mean and the interval in which it would lie for `level` of the samples drawn anew."""

    mean: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def bootstrap(values: Tensor, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
    """Return the mean of `values`, one number a sample, with its percentile bootstrap interval."""
    values = torch.as_tensor(values).flatten().double()
    if not len(values):
        raise ValueError("there is nothing to average: give at least one value")
    if not 0 < level < 1:
        raise ValueError(f"level is a share between 0 and 1, not {level}")
    generator = torch.Generator().manual_seed(seed)
    picks = torch.randint(len(values), (resamples, len(values)), generator=generator)
    tail = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = values[picks].mean(1).quantile(tail).tolist()
    return Interval(values.mean().item(), low, high, level)
