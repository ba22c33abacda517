"""The checkpoint "cad_scenes": a model that writes the CAD program of what stands in a picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from utils.models.cad_writer import CADWriter, CADWriterConfig, program_loss
from utils.models.gpt import GPTConfig
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes import clip_scenes
from utils.training.recipes.recipe import Recipe
from utils.training.regions import mix_colours
from utils.world import CAD_VOCABULARY, Scenes, render_pictures, render_programs, sample_scenes, tokenize_programs
from utils.world.batching import batches
from utils.world.cad import CAD_LENGTH

SCENES, SCENES_SEED, BATCH = 20_000, 61, 64
JITTER = 3  # pixels that an object may stand off the middle of its quarter: small ones have seven places each way


def training_scenes(number: int = SCENES) -> Scenes:
    """Return the scenes that the checkpoint is trained on, or the first of them."""
    return sample_scenes(SCENES, seed=SCENES_SEED, jitter=JITTER)[:number]


def build(fields: dict[str, Any]) -> CADWriter:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return CADWriter(CADWriterConfig(vision=ViTConfig(**fields["vision"]), language=GPTConfig(**fields["language"])))


def train(recipe: Recipe) -> tuple[CADWriter, History]:
    """Train it: a few minutes on two cores. Its vision tower is that of "clip_scenes", and learns on with the rest.

    A program says what stands where, so it teaches the tower as a region loss does (see `utils.training.regions`). It
    says nothing of colours, so about half of each batch has them mixed: a shape must be known in any.
    """
    device = choose_device()
    scenes = training_scenes()
    pictures, tokens = render_pictures(scenes).to(device), tokenize_programs(render_programs(scenes)).to(device)
    set_seed(recipe.seed)
    model = CADWriter(recipe.config, load_checkpoint("clip_scenes")[0].vision).to(device)
    generator = torch.Generator().manual_seed(recipe.seed)

    def rows() -> Iterator[tuple[Tensor, Tensor]]:
        for some, written in batches(pictures, tokens, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps):
            mixed = mix_colours(some, generator)
            kept = torch.rand(len(some), 1, 1, 1, generator=generator) < 0.5
            yield torch.where(kept.to(device), some, mixed), written

    history = fit(
        model,
        rows(),
        program_loss,
        steps=recipe.steps,
        learning_rate=1e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


CONFIG = CADWriterConfig(
    vision=clip_scenes.CONFIG.vision,
    language=GPTConfig(
        vocabulary=len(CAD_VOCABULARY),
        length=clip_scenes.CONFIG.vision.patches + CAD_LENGTH,
        width=96,
        depth=3,
        heads=4,
        hidden=384,
    ),
)
RECIPE = Recipe(
    name="cad_scenes",
    description="CAD programs written from pictures of one and two objects (lesson 2.9)",
    data=(
        f"{SCENES} scenes of 1 or 2 objects, each up to {JITTER} pixels off the middle of its quarter, seed "
        f"{SCENES_SEED}, only shape-colour pairs of the seen split; half of each batch has its colours mixed; the "
        "vision tower starts from that of clip_scenes"
    ),
    seed=0,
    steps=2200,
    architecture="CADWriter",
    config=CONFIG,
    vocabulary=0,
    build=build,
    train=train,
)
