"""The checkpoint "gpt_scenes": a small language model that describes, translates, answers and talks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world import VOCABULARY, sample_scenes
from utils.world.conversations import (
    Text,
    answers,
    captions,
    dialogues,
    knowledge,
    replies,
    summaries,
    text_ids,
    translations,
)
from utils.world.tokenizer import PAD

BATCH, ENGLISH_SCENES, WELSH_SCENES, CAPTIONS, SEED = 32, 20_000, 3_000, 4_000, 11


def training_captions() -> set[str]:
    """Return the captions that the checkpoint learnt to write without being asked for anything."""
    return {caption for (caption,) in captions(sample_scenes(ENGLISH_SCENES, seed=SEED)[:CAPTIONS])}


def training_texts() -> dict[str, list[Text]]:
    """Return the texts of each task. Welsh is the rarer language: few scenes, which come again and again."""
    scenes, two = sample_scenes(ENGLISH_SCENES, seed=SEED), sample_scenes(ENGLISH_SCENES, seed=SEED, objects=(2, 2))
    welsh = sample_scenes(WELSH_SCENES, seed=SEED + 1)
    return {
        "describing": captions(scenes[:CAPTIONS]),
        "translating": 3 * (translations(welsh, "welsh") + translations(welsh, "english")),
        "summing up": summaries(scenes[CAPTIONS:9_000]),
        "answering": answers(scenes, seed=SEED),
        "talking": dialogues(two, seed=SEED),
        "knowing": 10 * knowledge(),
        "guessing": answers(scenes[:3_000], seed=SEED + 2, document=False),
    }


def rows(texts: Sequence[Text]) -> tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]:
    """Return the tokens of each text, with <pad> behind the shorter ones, and which of them are learnt.

    Learnt are the parts that a model is to write; the others, such as questions, are only read.
    """
    ids = [text_ids(text) for text in texts]
    written = [
        [False, *(flag for part, flag in zip(text, replies(text), strict=True) for _ in text_ids((part,))[1:])]
        for text in texts
    ]
    length = max(map(len, ids))
    tokens = torch.tensor([row + [PAD] * (length - len(row)) for row in ids])
    return tokens, torch.tensor([row + [False] * (length - len(row)) for row in written])


def text_batches(texts: Sequence[Text], *, steps: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `steps` batches of `BATCH` texts, drawn at random from all tasks.

    Batches of texts of one length would waste less on <pad>, but each would hold little more than one task: in a trial
    of 1,000 such batches no task was learnt.
    """
    rng = random.Random(seed)
    for _ in range(steps):
        yield rows(rng.sample(texts, BATCH))


def language_step(model: GPT, tokens: Tensor, learnt: Tensor) -> Tensor:
    """Return the loss of one batch of texts: what `fit` makes small."""
    return next_token_loss(model(tokens), tokens, learnt)


def build(fields: dict[str, Any]) -> GPT:
    """Return an untrained GPT of the configuration that a model card holds as plain data."""
    return GPT(GPTConfig(**fields))


def train(recipe: Recipe) -> tuple[GPT, History]:
    """Train it: some minutes on two cores."""
    device = choose_device()
    texts = [text for task in training_texts().values() for text in task]
    set_seed(recipe.seed)
    model = GPT(recipe.config).to(device)
    batches = text_batches(texts, steps=recipe.steps, seed=recipe.seed)
    history = fit(
        model,
        (tuple(part.to(device) for part in batch) for batch in batches),
        language_step,
        steps=recipe.steps,
        learning_rate=4e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


RECIPE = Recipe(
    name="gpt_scenes",
    description="a language model with several tasks (lesson 1.3)",
    data=(
        f"texts about {ENGLISH_SCENES} scenes of 1 or 2 objects in English, seed {SEED}, and {WELSH_SCENES} in Welsh, "
        f"seed {SEED + 1}, only shape-colour pairs of the seen split, and questions of knowledge"
    ),
    seed=0,
    steps=4000,  # with 8,000 it answers no more questions, and fewer that lean on the one before: 0.63, not 0.83
    architecture="GPT",
    config=GPTConfig(vocabulary=len(VOCABULARY), length=96, width=96, depth=4, heads=4, hidden=384),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
)
