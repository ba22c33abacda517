"""The checkpoint "vilbert_scenes": two streams, of words and of patches, that look at each other, answer questions."""

from __future__ import annotations

from typing import Any

from utils.models.vilbert import ViLBERT, ViLBERTConfig
from utils.training.answering import CONFIGS, DATA, STEPS, begin, learn_answers
from utils.training.loop import History
from utils.training.recipes.recipe import Recipe


def build(fields: dict[str, Any]) -> ViLBERT:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return ViLBERT(ViLBERTConfig(**fields))


def train(recipe: Recipe) -> tuple[ViLBERT, History]:
    """Train it: some minutes on one core."""
    model = begin("ViLBERT", recipe.seed)
    return model, learn_answers(model, seed=recipe.seed, steps=recipe.steps, description=recipe.name)


RECIPE = Recipe(
    name="vilbert_scenes",
    description="questions answered by two streams that look at each other (lesson 3.2)",
    data=DATA,
    seed=0,
    steps=STEPS,
    architecture="ViLBERT",
    config=CONFIGS["ViLBERT"],
    vocabulary=ViLBERTConfig.vocabulary,
    build=build,
    train=train,
)
