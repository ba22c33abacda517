"""The checkpoint "scene_reader": what stands in each quarter of a picture, to judge what other models draw."""

from __future__ import annotations

from typing import Any

from utils.models.cnn import CNNConfig
from utils.models.reader import Reader, ReaderConfig, contents, reading_loss
from utils.training.device import choose_device, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world import render_pictures, sample_scenes
from utils.world.batching import batches

SCENES, SCENES_SEED, BATCH = 40_000, 31, 128


def build(fields: dict[str, Any]) -> Reader:
    """Return an untrained reader of the configuration that a model card holds as plain data."""
    return Reader(ReaderConfig(cnn=CNNConfig(**{**fields["cnn"], "stages": tuple(fields["cnn"]["stages"])})))


def train(recipe: Recipe) -> tuple[Reader, History]:
    """Train it: a minute on two cores."""
    device = choose_device()
    scenes = sample_scenes(SCENES, seed=SCENES_SEED, objects=(1, 2), pairs="all")
    pictures, wanted = render_pictures(scenes).to(device), contents(scenes).to(device)
    set_seed(recipe.seed)
    model = Reader(recipe.config).to(device)
    history = fit(
        model,
        batches(pictures, wanted, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        reading_loss,
        steps=recipe.steps,
        learning_rate=4e-3,
        weight_decay=0.05,
        description=recipe.name,
    )
    return model.cpu(), history


RECIPE = Recipe(
    name="scene_reader",
    description="CNN that reads what stands in each quarter of a picture, a judge of drawings",
    data=f"{SCENES} scenes of 1 or 2 objects, seed {SCENES_SEED}, all shape-colour pairs",
    seed=0,
    steps=900,
    architecture="Reader",
    config=ReaderConfig(cnn=CNNConfig(stem=16, stages=(16, 32, 64), depth=1)),
    vocabulary=0,
    build=build,
    train=train,
)
