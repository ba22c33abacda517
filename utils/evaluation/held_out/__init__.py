"""The held-out figures of each checkpoint, and the making of a checkpoint with its card from its recipe.

The module `utils.evaluation.held_out.NAME` has `measure(model)`, which returns the figures of checkpoint NAME by title.
"""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

from torch import nn

from utils.evaluation.held_out.figures import figure_of
from utils.models.blocks import count_parameters
from utils.training.checkpoints import CHECKPOINTS, Figure, ModelCard, save_checkpoint
from utils.training.recipes import find_recipe

__all__ = ["figure_of", "make_checkpoint", "measure"]


def measure(name: str, model: nn.Module) -> dict[str, Figure]:
    """Return the held-out figures of a model that is to be the checkpoint called `name`."""
    return importlib.import_module(f"{__name__}.{name}").measure(model)


def make_checkpoint(name: str, folder: Path = CHECKPOINTS) -> ModelCard:
    """Train the checkpoint called `name` by its recipe, measure it on held-out data, save both and return its card.

    Ctrl-C raises `TrainingInterrupted` and writes nothing.
    """
    recipe = find_recipe(name)
    config = dataclasses.asdict(recipe.config)
    model, history = recipe.train(recipe)
    card = ModelCard(
        name=name,
        architecture=recipe.architecture,
        config=config,
        recipe=f"course train {name}",
        seed=recipe.seed,
        data=recipe.data,
        steps=recipe.steps,
        seconds=round(history.seconds, 1),
        parameters=count_parameters(recipe.build(config)),  # as it is loaded: training may have frozen some of it
        vocabulary=recipe.vocabulary,
        figures=measure(name, model.eval()),
        tower=recipe.tower,
    )
    save_checkpoint(model, card, folder)
    return card
