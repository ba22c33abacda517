"""A clinic for a ViLBERT that came out of a box: its weights are stored under other names than its own.

Whoever trains on several machines wraps the model, and every weight's name gets a prefix: in PyTorch's
`DistributedDataParallel` it is "module.". Loaded with `strict=False`, weights whose names do not fit are left out
without an error, and the parameters that waited for them stay as they were drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from utils.training.answering import begin

PREFIX = "module."


def boxed(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of `model` as a wrapper that is called `module` would have stored them."""
    return {PREFIX + name: weights.clone() for name, weights in model.state_dict().items()}


def unboxed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The fault: `lstrip` strips letters, and not a prefix."""
    return {name.lstrip(PREFIX): weights for name, weights in state.items()}


def patient(model: nn.Module, seed: int = 7) -> nn.Module:
    """Return a fresh ViLBERT into which the boxed weights of `model` were put, as far as their names fit."""
    fresh = begin("ViLBERT", seed)
    fresh.load_state_dict(unboxed(boxed(model)), strict=False)
    return fresh.eval()


def numbers_arrived(model: nn.Module, state: dict[str, Tensor]) -> dict[str, float]:
    """Return for each part of `model` the share of its numbers that are those of `state`, names as the model's own."""
    same: dict[str, list[Tensor]] = {}
    for name, weights in model.state_dict().items():
        same.setdefault(name.split(".")[0], []).append((weights == state[name]).flatten())
    return {part: torch.cat(found).float().mean().item() for part, found in same.items()}
