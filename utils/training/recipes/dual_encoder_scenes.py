"""The checkpoint "dual_encoder_scenes": two towers, trained on what "cross_encoder_scenes" was trained on."""

from __future__ import annotations

import math
from typing import Any

from utils.models.dual import DualConfig, DualEncoder
from utils.training.device import set_seed
from utils.training.loop import History
from utils.training.matching import CAPTIONS, LENGTH, SortingABatch, learn_matching
from utils.training.recipes.clip_scenes import CONFIG as CLIP_CONFIG
from utils.training.recipes.cross_encoder_scenes import DATA, LEARNING_RATE, STEPS
from utils.training.recipes.recipe import Recipe


def build(fields: dict[str, Any]) -> DualEncoder:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return DualEncoder(DualConfig(**fields))


def train(recipe: Recipe) -> tuple[DualEncoder, History]:
    """Train it on the very batches of the cross-encoder, for as many steps: some minutes on two cores."""
    set_seed(recipe.seed)
    model = DualEncoder(recipe.config)
    history = learn_matching(
        SortingABatch(model), seed=recipe.seed, steps=recipe.steps, learning_rate=LEARNING_RATE, description=recipe.name
    )
    return model, history


RECIPE = Recipe(
    name="dual_encoder_scenes",
    description="a dual encoder trained on wrong captions of the same words (lesson 3.1)",
    data=DATA,
    seed=0,
    steps=STEPS,
    architecture="DualEncoder",
    config=DualConfig(picture_width=CLIP_CONFIG.vision.width, length=LENGTH, bias=round(-math.log(CAPTIONS - 1), 4)),
    vocabulary=DualConfig.vocabulary,
    build=build,
    train=train,
)
