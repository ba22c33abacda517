"""The checkpoint "chain_of_thought": it follows a chain of dominoes in pictures, and writes down each step."""

from __future__ import annotations

import torch
from torch import Tensor

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.interleaved import InterleavedConfig, InterleavedGPT
from utils.training.device import set_seed
from utils.training.features import picture_features
from utils.training.loop import History, fit
from utils.training.recipes.in_context import build
from utils.training.recipes.recipe import Recipe
from utils.world.puzzles import DEEPEST, DOMINOES, chain_answers, chain_prompts, domino_chains, make_album
from utils.world.tokenizer import IMAGE

BATCH, EACH = 48, 100


def answer_loss(model: InterleavedGPT, tokens: Tensor, features: Tensor, learnt: Tensor) -> Tensor:
    """Return the mean loss of the tokens that are `learnt`, those of the answer, in nats a token."""
    return next_token_loss(model(tokens, features), tokens, learnt)


def train(recipe: Recipe, *, steps: bool = True) -> tuple[InterleavedGPT, History]:
    """Train it: half a minute on one core. Without `steps` it learns to answer at once."""
    album = make_album("seen", EACH, seed=1)
    features = picture_features(album.pictures)
    generator = torch.Generator().manual_seed(recipe.seed)

    def puzzles():
        while True:
            # small rings and short questions are learnt in seconds and show the way to large and long ones
            dominoes = int(torch.randint(2, DOMINOES + 1, (), generator=generator))
            chains = domino_chains(album, BATCH, generator, dominoes=dominoes)
            depth = 1 + (torch.rand(BATCH, generator=generator).square() * chains.deepest).long()
            prompts, answers = chain_prompts(chains, depth), chain_answers(chains, depth, steps=steps)
            tokens = torch.cat([prompts, answers], dim=1)
            learnt = (torch.arange(tokens.shape[1]) >= prompts.shape[1]).expand_as(tokens)
            yield tokens, features[chains.tiles].flatten(2), learnt

    set_seed(recipe.seed)
    model = InterleavedGPT(recipe.config)
    history = fit(model, puzzles(), answer_loss, steps=recipe.steps, learning_rate=3e-3, description=recipe.name)
    return model, history


CONFIG = InterleavedConfig(
    features=128, language=GPTConfig(vocabulary=IMAGE + 1, length=20, width=64, depth=2, heads=4, hidden=256)
)
RECIPE = Recipe(
    name="chain_of_thought",
    description="Chains of dominoes in pictures, followed step by step in words (lesson 2.7)",
    data=f"puzzles of 2 to {DOMINOES} dominoes and 1 to {DEEPEST} steps, few oftener than many, drawn anew; {EACH} "
    "pictures of each pair, seed 1, only shape-colour pairs of the seen split",
    seed=0,
    steps=800,
    architecture="InterleavedGPT",
    config=CONFIG,
    vocabulary=CONFIG.language.vocabulary,
    build=build,
    train=train,
)
