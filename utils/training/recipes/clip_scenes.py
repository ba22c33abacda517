"""The checkpoint "clip_scenes": CLIP on scenes of one and two objects."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from utils.models.clip import CLIP, CLIPConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.objectives import info_nce
from utils.training.recipes.recipe import Recipe
from utils.world import render_captions, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches

SCENES, SCENES_SEED, BATCH = 60_000, 1, 192


def contrastive_step(model: CLIP, pictures: Tensor, tokens: Tensor) -> Tensor:
    """Return CLIP's loss for one batch of pairs: what `fit` makes small."""
    images, texts = model(pictures, tokens)
    return info_nce(model.similarity(images, texts))


def training_captions() -> set[str]:
    """Return the captions that the checkpoint was trained on, to keep them out of its tests."""
    return set(render_captions(sample_scenes(SCENES, seed=SCENES_SEED)))


def build(fields: dict[str, Any]) -> CLIP:
    """Return an untrained CLIP of the configuration that a model card holds as plain data."""
    return CLIP(CLIPConfig(**{**fields, "vision": ViTConfig(**fields["vision"]), "text": TextConfig(**fields["text"])}))


def train(recipe: Recipe) -> tuple[CLIP, History]:
    """Train it: a few minutes on two cores."""
    device = choose_device()
    scenes = sample_scenes(SCENES, seed=SCENES_SEED)
    pictures, tokens = render_pictures(scenes).to(device), tokenize(render_captions(scenes)).to(device)
    set_seed(recipe.seed)
    model = CLIP(recipe.config).to(device)
    history = fit(
        model,
        batches(pictures, tokens, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        contrastive_step,
        steps=recipe.steps,
        learning_rate=2e-3,
        weight_decay=0.3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


CONFIG = CLIPConfig(
    vision=ViTConfig(width=96, depth=4, heads=3, hidden=384, clip_style=True),
    text=TextConfig(width=64, depth=1, heads=2, hidden=256),
    width=64,
)
RECIPE = Recipe(
    name="clip_scenes",
    description="CLIP on scenes of one and two objects (lesson 2.3)",
    data=f"{SCENES} scenes of 1 or 2 objects, seed {SCENES_SEED}, only shape-colour pairs of the seen split",
    seed=0,
    steps=5000,
    architecture="CLIP",
    config=CONFIG,
    vocabulary=CONFIG.text.vocabulary,
    build=build,
    train=train,
)
