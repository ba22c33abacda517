"""The checkpoint "vqa_scenes": a model that answers questions about pictures by looking at them, word by word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.models.fusion import QuestionAnswerer, QuestionAnswererConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes import clip_scenes
from utils.training.recipes.recipe import Recipe
from utils.world import Questions, Scenes, ask, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches

SCENES, SCENES_SEED, EACH, BATCH = 15_000, 31, 4, 128


def training_questions() -> tuple[Scenes, Questions]:
    """Return the scenes of the training, and the questions asked about them."""
    scenes = sample_scenes(SCENES, seed=SCENES_SEED)
    return scenes, ask(scenes, seed=SCENES_SEED, each=EACH)


def build(fields: dict[str, Any]) -> QuestionAnswerer:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    parts = {"vision": ViTConfig(**fields["vision"]), "text": TextConfig(**fields["text"])}
    return QuestionAnswerer(QuestionAnswererConfig(**{**fields, **parts}))


def train(recipe: Recipe) -> tuple[QuestionAnswerer, History]:
    """Train it: a few minutes on two cores. Its vision tower is that of "clip_scenes", and stays as it is."""
    device = choose_device()
    scenes, asked = training_questions()
    set_seed(recipe.seed)
    model = QuestionAnswerer(recipe.config, load_checkpoint("clip_scenes")[0].vision).to(device)
    model.vision.requires_grad_(False)
    with torch.no_grad():
        seen = torch.cat([model.see(some.to(device)) for some in render_pictures(scenes).split(1000)])
    tokens, labels = tokenize(asked.questions).to(device), asked.labels.to(device)

    def rows() -> Iterator[tuple[Tensor, ...]]:
        for (row,) in batches(torch.arange(len(asked)), batch_size=BATCH, seed=recipe.seed, steps=recipe.steps):
            yield tokens[row], seen[asked.scene[row]], labels[row]

    history = fit(
        model,
        rows(),
        lambda model, tokens, patches, labels: F.cross_entropy(model.answer(tokens, patches), labels),
        steps=recipe.steps,
        learning_rate=2e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    model.vision.requires_grad_(True)
    return model.cpu(), history


RECIPE = Recipe(
    name="vqa_scenes",
    description="questions answered by looking at pictures of one and two objects (lesson 2.4)",
    data=(
        f"{EACH} questions about each of {SCENES} scenes of 1 or 2 objects, seed {SCENES_SEED}, only shape-colour "
        "pairs of the seen split; the vision tower is that of clip_scenes and was not trained further"
    ),
    seed=0,
    steps=4000,
    architecture="QuestionAnswerer",
    config=QuestionAnswererConfig(
        vision=clip_scenes.CONFIG.vision, text=TextConfig(width=96, depth=1, heads=4, hidden=384), depth=2
    ),
    vocabulary=TextConfig().vocabulary,
    build=build,
    train=train,
)
