"""The held-out figures of the checkpoint "answer_at_once"."""

from __future__ import annotations

from utils.evaluation.held_out.chain_of_thought import measure as measure_chains
from utils.models.interleaved import InterleavedGPT
from utils.training.checkpoints import Figure

BARS = {1: 0.85, 2: 0.60, 3: 0.60, 4: 0.50, 5: 0.50, 6: 0.50}


def measure(model: InterleavedGPT) -> dict[str, Figure]:
    """Return how often its one word is right, by the number of steps; from two steps on it is to fail."""
    return measure_chains(model, BARS, at_most=(2, 3, 4, 5, 6))
