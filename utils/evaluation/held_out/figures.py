"""One held-out figure from the scores of its samples."""

from __future__ import annotations

from torch import Tensor

from utils.evaluation.intervals import bootstrap
from utils.training.checkpoints import Figure


def figure_of(scores: Tensor, bar: float, on: str, *, at_most: bool = False) -> Figure:
    """Return the mean of the `scores`, one for each sample of what is described by `on`, with its 95 % interval.

    The bar is one to reach or, with `at_most`, one to stay below. All is rounded to four digits.
    """
    interval = bootstrap(scores.float())
    value, low, high = (round(number, 4) for number in (interval.mean, interval.low, interval.high))
    return Figure(value=value, bar=bar, low=low, high=high, on=on, at_most=at_most)
