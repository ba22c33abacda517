"""The checkpoint "flow_scenes": pictures of one object from their captions."""

from __future__ import annotations

from typing import Any

from utils.models.flow import Flow, FlowConfig, rectified_flow_loss
from utils.models.text import TextConfig
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world import render_captions, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches

SCENES, SCENES_SEED, BATCH = 30_000, 11, 128


def build(fields: dict[str, Any]) -> Flow:
    """Return an untrained flow of the configuration that a model card holds as plain data."""
    return Flow(FlowConfig(**{**fields, "text": TextConfig(**fields["text"])}))


def train(recipe: Recipe) -> tuple[Flow, History]:
    """Train it: a few minutes on two cores."""
    device = choose_device()
    scenes = sample_scenes(SCENES, seed=SCENES_SEED, objects=(1, 1))
    pictures, tokens = render_pictures(scenes).to(device), tokenize(render_captions(scenes)).to(device)
    set_seed(recipe.seed)
    model = Flow(recipe.config).to(device)
    history = fit(
        model,
        batches(pictures, tokens, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        rectified_flow_loss,
        steps=recipe.steps,
        learning_rate=2e-3,
        weight_decay=0.01,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


CONFIG = FlowConfig(text=TextConfig(width=96, depth=1, heads=4, hidden=192))
RECIPE = Recipe(
    name="flow_scenes",
    description="rectified flow that draws one object from its caption (lesson 2.8)",
    data=f"{SCENES} scenes of 1 object, seed {SCENES_SEED}, only shape-colour pairs of the seen split",
    seed=0,
    steps=800,
    architecture="Flow",
    config=CONFIG,
    vocabulary=CONFIG.text.vocabulary,
    build=build,
    train=train,
)
