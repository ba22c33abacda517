"""The checkpoint "in_context": a small language model that learns new words from pictures in its context."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.models.gpt import GPTConfig
from utils.models.interleaved import InterleavedConfig, InterleavedGPT
from utils.training.device import set_seed
from utils.training.features import picture_features
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world.puzzles import binding_episodes, make_album
from utils.world.tokenizer import IMAGE

BATCH, PICTURES, EACH = 48, 9, 100


def word_loss(model: InterleavedGPT, tokens: Tensor, features: Tensor) -> Tensor:
    """Return the mean loss of the word after each picture, in nats. Those before it are its shots."""
    logits = model(tokens[:, :-1], features)[:, 1::2]
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 2::2].flatten())


def build(fields: dict[str, Any]) -> InterleavedGPT:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return InterleavedGPT(InterleavedConfig(**{**fields, "language": GPTConfig(**fields["language"])}))


def train(recipe: Recipe) -> tuple[InterleavedGPT, History]:
    """Train it: half a minute on one core."""
    album = make_album("seen", EACH, seed=1)
    features = picture_features(album.pictures)
    generator = torch.Generator().manual_seed(recipe.seed)

    def episodes():
        while True:
            which = torch.randint(2, (BATCH, PICTURES), generator=generator)
            drawn = binding_episodes(album, which, generator)
            yield drawn.tokens, features[drawn.pictures]

    set_seed(recipe.seed)
    model = InterleavedGPT(recipe.config)
    history = fit(model, episodes(), word_loss, steps=recipe.steps, learning_rate=3e-3, description=recipe.name)
    return model, history


CONFIG = InterleavedConfig(
    features=64, language=GPTConfig(vocabulary=IMAGE + 1, length=24, width=64, depth=2, heads=4, hidden=256)
)
RECIPE = Recipe(
    name="in_context",
    description="New words bound to pictures in the context (lesson 2.7)",
    data=f"episodes of {PICTURES} pictures and two words of eight, drawn anew; {EACH} pictures of each pair, seed 1, "
    "only shape-colour pairs of the seen split",
    seed=0,
    steps=300,
    architecture="InterleavedGPT",
    config=CONFIG,
    vocabulary=CONFIG.language.vocabulary,
    build=build,
    train=train,
)
