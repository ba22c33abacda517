"""The checkpoint "point_shapes": what an object is, named from points on its surface."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from utils.models.point import PointClassifier, PointClassifierConfig, PointConfig
from utils.training.device import choose_device, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world import SHAPES, render_points, sample_scenes
from utils.world.batching import batches

CLOUDS, CLOUDS_SEED, POINTS, BATCH = 6000, 1, 128, 64


def shape_loss(model: PointClassifier, clouds: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy of the right shapes: what `fit` makes small."""
    return F.cross_entropy(model(clouds), labels)


def build(fields: dict[str, Any]) -> PointClassifier:
    """Return an untrained classifier of the configuration that a model card holds as plain data."""
    return PointClassifier(PointClassifierConfig(PointConfig(**fields["encoder"]), tuple(fields["classes"])))


def train(recipe: Recipe) -> tuple[PointClassifier, History]:
    """Train it: half a minute on two cores."""
    device = choose_device()
    scenes = sample_scenes(CLOUDS, seed=CLOUDS_SEED, objects=(1, 1))
    clouds = render_points(scenes, POINTS, seed=CLOUDS_SEED, colour=True).to(device)
    labels = scenes.shape[:, 0].to(device)
    set_seed(recipe.seed)
    model = PointClassifier(recipe.config).to(device)
    history = fit(
        model,
        batches(clouds, labels, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        shape_loss,
        steps=recipe.steps,
        description=recipe.name,
    )
    return model.cpu(), history


CONFIG = PointClassifierConfig(encoder=PointConfig(features=3), classes=SHAPES)
RECIPE = Recipe(
    name="point_shapes",
    description="what an object is, named from coloured points on its surface (lesson 2.2)",
    data=f"{CLOUDS} clouds of {POINTS} coloured points on one object, seed {CLOUDS_SEED}, only shape-colour pairs of "
    "the seen split",
    seed=0,
    steps=400,
    architecture="PointClassifier",
    config=CONFIG,
    vocabulary=0,
    build=build,
    train=train,
)
