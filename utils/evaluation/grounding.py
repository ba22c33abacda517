"""Grounding: does a multimodal model use each of its modalities, or only seem to?

The same questions are answered with the true second modality, with one shuffled between the samples, with a blank one,
and by a baseline that never sees it. A model is grounded only if the true one, and nothing else, makes it good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from utils.evaluation.intervals import Interval, bootstrap


class NotGroundedError(AssertionError):
    """A model's score does not depend on the modality that it is said to use."""


@dataclass(frozen=True)
class Grounding:
    """Mean score, with its interval, under each condition; the names are those that the table prints."""

    modality: str
    scores: dict[str, Interval]
    bar: float

    @property
    def holds(self) -> bool:
        """Whether the true modality reaches the bar, and every other condition stays below the bar and the true one."""
        return self.scores["true"].mean >= self.bar and all(map(self._stays_below, self.scores.keys() - {"true"}))

    def _stays_below(self, condition: str) -> bool:
        """Whether the score under `condition` is below the bar, and below the true one beyond both intervals."""
        other = self.scores[condition]
        return other.mean < self.bar and other.high < self.scores["true"].low

    def show(self) -> None:
        """Print one line a condition and the verdict; raise `NotGroundedError` if the modality does not matter."""
        for condition, interval in self.scores.items():
            name = condition if condition == "text-only baseline" else f"{condition} {self.modality}"
            if condition == "true":
                verdict = "met" if interval.mean >= self.bar else "NOT met"
                print(f"{name} {interval.mean:.2f}, bar {self.bar:.2f}: {verdict}")
            else:
                verdict = "below the true one" if self._stays_below(condition) else "NOT below"
                print(f"{name} {interval.mean:.2f}, at most {self.bar:.2f}: {verdict}")
        if not self.holds:
            missed = not self.scores["true"].mean >= self.bar
            why = "misses its bar with the true" if missed else "does not depend as it should on the"
            raise NotGroundedError(f"the score {why} {self.modality}; see the table above")
        print(f"grounded: the {self.modality} matters")


def grounding(
    score: Callable[[Tensor], Tensor],
    second: Tensor,
    *,
    modality: str,
    baseline: Tensor,
    bar: float,
    blank: Tensor | None = None,
    seed: int = 0,
) -> Grounding:
    """Measure one model with the true, a shuffled and a blank second modality, beside a baseline without it.

    `second` holds the second modality of each sample along its first dimension, and `score(second)` returns one number
    a sample (1 for a right answer, 0 for a wrong one), with everything else left as it is. `baseline` holds the score,
    for each sample, of a model that never sees the modality. `blank` is one sample of an empty modality; left out, it
    is the mean over all samples, which says nothing about any one of them. Shuffling leaves no sample its own.

    Raises `ValueError` for fewer than two samples and for scores that are not one number a sample.
    """
    if baseline.shape != (len(second),):
        raise ValueError(f"baseline must hold one number a sample, [{len(second)}], not {list(baseline.shape)}")
    blank = second.float().mean(0).to(second.dtype) if blank is None else blank
    conditions = {
        "true": second,
        "shuffled": second[derangement(len(second), seed)],
        "blank": blank.expand_as(second),
    }
    scores = {}
    for condition, values in conditions.items():
        result = score(values)
        if result.shape != (len(second),):
            raise ValueError(f"score must return one number a sample, [{len(second)}], not {list(result.shape)}")
        scores[condition] = bootstrap(result)
    return Grounding(modality, {**scores, "text-only baseline": bootstrap(baseline)}, bar)


def derangement(number: int, seed: int = 0) -> Tensor:
    """Return a random order of `number` samples, at least two, in which none keeps its place."""
    if number < 2:
        raise ValueError(f"{number} sample(s) cannot be shuffled so that none keeps its place: give at least two")
    order = torch.randperm(number, generator=torch.Generator().manual_seed(seed))
    shifted = torch.empty_like(order)
    shifted[order] = order.roll(1)
    return shifted
