"""The held-out figures of the checkpoint "dual_encoder_scenes"."""

from __future__ import annotations

from utils.evaluation.matching import matching_figures, search_figures
from utils.models.dual import DualEncoder
from utils.training.checkpoints import Figure

BARS = {
    "things exchanged": 0.60,
    "colours exchanged": 0.60,
    "one word changed": 0.80,
    "another scene": 0.95,
    "recall@1, every pair": 0.60,
    "recall@1, twins among them, every pair": 0.40,
}


def measure(model: DualEncoder) -> dict[str, Figure]:
    """Return what two towers tell apart, and find, after the same training as the cross-encoder's."""
    return matching_figures(model, BARS) | search_figures(model, BARS)
