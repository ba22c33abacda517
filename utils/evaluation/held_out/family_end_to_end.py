"""The held-out figures of the checkpoint "family_end_to_end"."""

from __future__ import annotations

from torch import nn

from utils.evaluation.families import measure_family
from utils.training.checkpoints import Figure
from utils.training.families import EndToEnd


def measure(model: nn.Module) -> dict[str, Figure]:
    """Return the shares of right answers and of right finds on pairs never seen."""
    return measure_family(EndToEnd(), model, bar=0.70, recall_bar=0.90)
