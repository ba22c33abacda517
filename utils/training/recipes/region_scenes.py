"""The checkpoint "region_scenes": CLIP's vision tower, which has learnt besides what stands in each quarter."""

from __future__ import annotations

from typing import Any

from utils.models.vit import ViT, ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device
from utils.training.loop import History
from utils.training.recipes.clip_scenes import CONFIG
from utils.training.recipes.recipe import Recipe
from utils.training.regions import SCENES, learn_regions


def build(fields: dict[str, Any]) -> ViT:
    """Return an untrained vision tower of the configuration that a model card holds as plain data."""
    return ViT(ViTConfig(**fields))


def train(recipe: Recipe) -> tuple[ViT, History]:
    """Teach the tower of "clip_scenes" about regions: half a minute on one core."""
    vision = load_checkpoint("clip_scenes")[0].vision.to(choose_device())
    history = learn_regions(vision, seed=recipe.seed, steps=recipe.steps)
    return vision.cpu(), history


RECIPE = Recipe(
    name="region_scenes",
    description="CLIP's vision tower, taught what stands in each quarter of a picture (lesson 1.3)",
    data=f"{SCENES} scenes of 1 or 2 objects, seed 71, only shape-colour pairs of the seen split; from clip_scenes",
    seed=71,
    steps=400,
    architecture="ViT",
    config=CONFIG.vision,
    vocabulary=0,
    build=build,
    train=train,
)
