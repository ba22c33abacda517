"""The held-out figures of the checkpoint "family_fusion"."""

from __future__ import annotations

from torch import nn

from utils.evaluation.families import measure_family
from utils.training.checkpoints import Figure
from utils.training.families import Fusion


def measure(model: nn.Module) -> dict[str, Figure]:
    """Return the shares of right answers and of right finds on pairs never seen."""
    return measure_family(Fusion(), model, bar=0.90, recall_bar=0.95)
