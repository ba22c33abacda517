"""The checkpoint "described_scenes": a LLaVA after its first stage, which describes pictures and does nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes import clip_scenes
from utils.training.recipes.llava_scenes import (
    PICTURE,
    build,
    encode,
    in_reading_order,
    llava_step,
    seen,
    without_colours,
    without_last_block,
)
from utils.training.recipes.recipe import Recipe
from utils.training.regions import mix_colours
from utils.world import Scene, Scenes, render_pictures, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import Text, tell
from utils.world.tokenizer import VOCABULARY

SCENES, SEED, BATCH = 4000, 61, 64


def descriptions(scenes: Iterable[Scene]) -> list[Text]:
    """Return a text for each scene: its picture, and what stands where, in reading order."""
    return [(PICTURE, tell(in_reading_order(scene))) for scene in scenes]


def examples(model: LLaVA, scenes: Scenes, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, what is learnt of them, and what the tower sees of each picture, described.

    Each comes twice: as it is, and with its colours mixed and without the words for them, as in `llava_scenes`.
    """
    tokens, learnt = encode(descriptions(scenes), model.config.soft_tokens)
    pictures = render_pictures(scenes)
    mixed = mix_colours(pictures, torch.Generator().manual_seed(seed))
    features = torch.cat([seen(model, pictures), seen(model, mixed)])
    return torch.cat([tokens, without_colours(tokens)]), learnt.repeat(2, 1), features


def begin(seed: int) -> LLaVA:
    """Return the model as it is before all training, behind the frozen tower of "region_scenes"."""
    vision, _ = load_checkpoint("region_scenes")
    set_seed(seed)
    model = without_last_block(LLaVA(RECIPE.config, vision))
    model.vision.requires_grad_(False)
    return model


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Train projector and language model on descriptions: about a minute on two cores."""
    device, model = choose_device(), begin(recipe.seed)
    data = examples(model, sample_scenes(SCENES, seed=SEED), SEED)
    history = fit(
        model.to(device),
        batches(*data, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps, device=device),
        llava_step,
        steps=recipe.steps,
        learning_rate=2e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.requires_grad_(True).cpu(), history  # whoever loads it may train all of it


RECIPE = Recipe(
    name="described_scenes",
    description="a language model that describes pictures, before it is taught to follow instructions (lesson 3.7)",
    data=(
        f"descriptions of {SCENES} pictures of 1 or 2 objects, seed {SEED}, only shape-colour pairs of "
        "the seen split; each also with mixed colours and without the words for them; the vision tower is that of "
        "region_scenes"
    ),
    seed=0,
    steps=1000,
    architecture="LLaVA",
    config=LLaVAConfig(
        vision=clip_scenes.CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=64, depth=3, heads=4, hidden=256),
        merge=2,
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
)
