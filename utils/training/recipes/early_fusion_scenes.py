"""The checkpoint "early_fusion_scenes": words and patches share one sequence from the first layer on, and answer."""

from __future__ import annotations

from typing import Any

from utils.models.joint import JointConfig, JointTransformer
from utils.training.answering import CONFIGS, DATA, STEPS, begin, learn_answers
from utils.training.loop import History
from utils.training.recipes.recipe import Recipe


def build(fields: dict[str, Any]) -> JointTransformer:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return JointTransformer(JointConfig(**fields))


def train(recipe: Recipe) -> tuple[JointTransformer, History]:
    """Train it: some minutes on one core."""
    model = begin("early", recipe.seed)
    return model, learn_answers(model, seed=recipe.seed, steps=recipe.steps, description=recipe.name)


RECIPE = Recipe(
    name="early_fusion_scenes",
    description="questions answered by words and patches in one sequence (lesson 3.2)",
    data=DATA,
    seed=0,
    steps=STEPS,
    architecture="JointTransformer",
    config=CONFIGS["early"],
    vocabulary=JointConfig.vocabulary,
    build=build,
    train=train,
)
