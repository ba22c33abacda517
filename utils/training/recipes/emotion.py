"""The checkpoint "emotion": what somebody feels, from face, voice and words, or from those of them that are there."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from utils.models.emotion import SENSES, EmotionConfig, EmotionModel, draw_present, read_moments
from utils.training.device import choose_device, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world.batching import batches
from utils.world.moments import WORDS, sample_moments

MOMENTS, MOMENTS_SEED, BATCH = 8000, 1, 128
PRESENT = 0.6  # the probability with which a sample keeps each modality


def emotion_step(model: EmotionModel, face: Tensor, voice: Tensor, words: Tensor, emotion: Tensor) -> Tensor:
    """Return the cross-entropy of one batch of which each sample keeps some modalities only: what `fit` makes small."""
    there = draw_present(len(emotion), PRESENT).to(emotion.device)
    return F.cross_entropy(model({"face": face, "voice": voice, "words": words}, there), emotion)


def build(fields: dict[str, Any]) -> EmotionModel:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return EmotionModel(EmotionConfig(**{**fields, "senses": tuple(fields["senses"])}))


def train(recipe: Recipe) -> tuple[EmotionModel, History]:
    """Train it: a minute on one core."""
    device = choose_device()
    moments = sample_moments(MOMENTS, seed=MOMENTS_SEED)
    inputs = read_moments(moments, perturbed=recipe.seed)
    tensors = [values.to(device) for values in (*(inputs[sense] for sense in SENSES), moments.emotion)]
    set_seed(recipe.seed)
    model = EmotionModel(recipe.config).to(device)
    history = fit(
        model,
        batches(*tensors, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        emotion_step,
        steps=recipe.steps,
        learning_rate=4e-3,
        weight_decay=0.5,
        description=recipe.name,
    )
    return model.cpu(), history


RECIPE = Recipe(
    name="emotion",
    description="Emotion from face, voice and words (lesson 1.2)",
    data=f"{MOMENTS} moments, seed {MOMENTS_SEED}, only people, voices and sentences of the seen split",
    seed=0,
    steps=800,
    architecture="EmotionModel",
    config=EmotionConfig(words=len(WORDS)),
    vocabulary=0,
    build=build,
    train=train,
)
