"""The checkpoint "cross_encoder_scenes": a model that reads caption and picture together, and says if they match."""

from __future__ import annotations

from typing import Any

from utils.models.joint import JointConfig, JointTransformer
from utils.training.device import set_seed
from utils.training.loop import History
from utils.training.matching import DATA, READING_STEPS, SIZES, FillingGaps, begin_reading, learn_captions, reading_loss
from utils.training.recipes.recipe import Recipe


def build(fields: dict[str, Any]) -> JointTransformer:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return JointTransformer(JointConfig(**fields))


def train(recipe: Recipe) -> tuple[JointTransformer, History]:
    """Train it: some minutes on one core."""
    set_seed(recipe.seed)
    model = begin_reading(recipe.config)
    history = learn_captions(
        FillingGaps(model), reading_loss, seed=recipe.seed, steps=recipe.steps, description=recipe.name
    )
    return model, history


RECIPE = Recipe(
    name="cross_encoder_scenes",
    description="a cross-encoder that says whether a caption fits a picture (lesson 3.1)",
    data=f"{DATA}; from early_fusion_scenes",
    seed=0,
    steps=READING_STEPS,
    architecture="JointTransformer",
    config=JointConfig(outputs=1, **SIZES),
    vocabulary=JointConfig.vocabulary,
    build=build,
    train=train,
)
