"""The checkpoint "cross_encoder_scenes": a model that reads caption and picture together, and says if they match."""

from __future__ import annotations

from typing import Any

from utils.models.joint import JointConfig, JointTransformer
from utils.training.device import set_seed
from utils.training.loop import History
from utils.training.matching import BATCH, CAPTIONS, LENGTH, SCENES, SCENES_SEED, FillingGaps, learn_matching
from utils.training.recipes.clip_scenes import CONFIG as CLIP_CONFIG
from utils.training.recipes.recipe import Recipe

STEPS, LEARNING_RATE = 2200, 1e-3
DATA = (
    f"{SCENES} scenes of 2 objects, seed {SCENES_SEED}, each with its caption and {CAPTIONS - 1} wrong ones, {BATCH} "
    "scenes a batch, only shape-colour pairs of the seen split; patches seen by region_scenes, which stays as it is"
)


def build(fields: dict[str, Any]) -> JointTransformer:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return JointTransformer(JointConfig(**fields))


def train(recipe: Recipe) -> tuple[JointTransformer, History]:
    """Train it: some minutes on two cores."""
    set_seed(recipe.seed)
    model = JointTransformer(recipe.config)
    history = learn_matching(
        FillingGaps(model), seed=recipe.seed, steps=recipe.steps, learning_rate=LEARNING_RATE, description=recipe.name
    )
    return model, history


RECIPE = Recipe(
    name="cross_encoder_scenes",
    description="a cross-encoder that says whether a caption fits a picture (lesson 3.1)",
    data=DATA,
    seed=0,
    steps=STEPS,
    architecture="JointTransformer",
    config=JointConfig(picture_width=CLIP_CONFIG.vision.width, length=LENGTH, outputs=1),
    vocabulary=JointConfig.vocabulary,
    build=build,
    train=train,
)
