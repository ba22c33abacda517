"""What a recipe is: all that makes one checkpoint, and all that is needed to load it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from utils.training.loop import History


@dataclass(frozen=True)
class Recipe:
    """What makes one checkpoint.

    `train()` returns the model, on the CPU, and what happened in training. `build(fields)` makes an untrained model of
    `architecture` from the configuration that a model card holds as plain data, and raises `TypeError`, `ValueError` or
    `KeyError` for one that does not fit. `vocabulary` is the number of tokens of the course's tokenizer that the model
    knows, 0 if it reads no text. `tower` names the checkpoint that is the model's `vision` and stays as it is.
    """

    name: str
    description: str
    data: str
    seed: int
    steps: int
    architecture: str
    config: Any
    vocabulary: int
    build: Callable[[dict[str, Any]], nn.Module]
    train: Callable[[Recipe], tuple[nn.Module, History]]
    tower: str = ""
