"""The checkpoint "ordered_rows": it puts things in a row by clues in words, in a picture, or by a sketch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.models.gpt import GPTConfig
from utils.models.interleaved import InterleavedConfig, InterleavedGPT
from utils.training.device import set_seed
from utils.training.features import picture_features
from utils.training.loop import History, fit
from utils.training.recipes.in_context import build
from utils.training.recipes.recipe import Recipe
from utils.world.puzzles import FORMS, make_album, row_prompts, rows_of_things
from utils.world.tokenizer import IMAGE

BATCH, EACH = 48, 100


def answer_loss(model: InterleavedGPT, prompts: Tensor, features: Tensor, answers: Tensor) -> Tensor:
    """Return the mean loss of the one word that answers, in nats."""
    return F.cross_entropy(model(prompts, features)[:, -1], answers)


def train(recipe: Recipe) -> tuple[InterleavedGPT, History]:
    """Train it: a minute on one core. The three forms of the puzzle take turns."""
    album = make_album("seen", EACH, seed=1)
    features = picture_features(album.pictures)
    generator = torch.Generator().manual_seed(recipe.seed)

    def puzzles():
        while True:
            for form, most in FORMS.items():
                # a row of two is learnt in seconds and shows the way; a sketch has two things to a picture
                step = 2 if form == "sketch" else 1
                things = int(torch.randint(2 // step, most // step + 1, (), generator=generator)) * step
                rows = rows_of_things(album, BATCH, things, generator)
                prompts, pictures = row_prompts(rows, form, generator)
                yield prompts, features[pictures].flatten(2), rows.answers

    set_seed(recipe.seed)
    model = InterleavedGPT(recipe.config)
    history = fit(model, puzzles(), answer_loss, steps=recipe.steps, learning_rate=3e-3, description=recipe.name)
    return model, history


CONFIG = InterleavedConfig(
    features=128, language=GPTConfig(vocabulary=IMAGE + 1, length=24, width=64, depth=2, heads=4, hidden=256)
)
RECIPE = Recipe(
    name="ordered_rows",
    description="Rows of three or four things, ordered by clues in words and pictures (lesson 2.7)",
    data=f"puzzles of three forms, with two things or more, drawn anew; {EACH} pictures of each pair, seed 1, only "
    "shape-colour pairs of the seen split",
    seed=0,
    steps=1200,
    architecture="InterleavedGPT",
    config=CONFIG,
    vocabulary=CONFIG.language.vocabulary,
    build=build,
    train=train,
)
