"""The checkpoint "dual_encoder_scenes": two towers, trained on what "cross_encoder_scenes" was trained on."""

from __future__ import annotations

from typing import Any

from utils.models.dual import DualConfig, DualEncoder
from utils.training.device import set_seed
from utils.training.loop import History
from utils.training.matching import DATA, SIZES, SORTING_STEPS, learn_captions, sorting_loss
from utils.training.recipes.recipe import Recipe


def build(fields: dict[str, Any]) -> DualEncoder:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return DualEncoder(DualConfig(**fields))


def train(recipe: Recipe) -> tuple[DualEncoder, History]:
    """Train it on the pictures and captions of the cross-encoder: some minutes on one core."""
    set_seed(recipe.seed)
    model = DualEncoder(recipe.config)
    history = learn_captions(model, sorting_loss, seed=recipe.seed, steps=recipe.steps, description=recipe.name)
    return model, history


RECIPE = Recipe(
    name="dual_encoder_scenes",
    description="a dual encoder trained on wrong captions of the same words (lesson 3.1)",
    data=DATA,
    seed=0,
    steps=SORTING_STEPS,
    architecture="DualEncoder",
    config=DualConfig(**SIZES),
    vocabulary=DualConfig.vocabulary,
    build=build,
    train=train,
)
