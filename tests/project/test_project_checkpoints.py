"""The checkpoints that the course ships: small, made by a recipe that is there, and as good as their cards promise."""

from __future__ import annotations

import dataclasses

import pytest

from utils.lessons import ASSETS
from utils.models.blocks import count_parameters
from utils.training.checkpoints import CHECKPOINTS, load_card, load_checkpoint
from utils.training.recipes import NAMES as RECIPES
from utils.training.recipes import find_recipe

NAMES = sorted({path.stem for path in CHECKPOINTS.iterdir()})

each_checkpoint = pytest.mark.parametrize("name", NAMES)


def test_each_recipe_has_its_checkpoint_and_no_file_is_left_over():
    assert list(RECIPES) == NAMES
    assert {path.name for path in CHECKPOINTS.iterdir()} == {
        f"{name}.{suffix}" for name in NAMES for suffix in ("json", "safetensors")
    }


@each_checkpoint
def test_the_weights_are_small(name):
    assert (CHECKPOINTS / f"{name}.safetensors").stat().st_size <= 5_000_000


def test_all_of_assets_is_small_enough_to_be_fetched_with_the_course():
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) <= 60_000_000


@each_checkpoint
def test_every_figure_meets_its_bar(name):
    card = load_card(name)
    assert card.figures
    for title, figure in card.figures.items():
        assert figure.met, f"{title} {figure.value}, bar {figure.bar}"
        assert figure.low <= figure.value <= figure.high
        assert figure.on


@each_checkpoint
def test_the_card_describes_the_recipe_that_is_there(name):
    card, recipe = load_card(name), find_recipe(name)
    assert card.recipe == f"course train {name}"
    assert (card.seed, card.data, card.steps) == (recipe.seed, recipe.data, recipe.steps)
    assert card.tower == recipe.tower


@each_checkpoint
def test_the_weights_are_those_of_the_card(name):
    model, card = load_checkpoint(name)  # compares the weights with the card's hash
    assert card.sha256
    recipe = find_recipe(name)
    assert model.config == recipe.build(dataclasses.asdict(recipe.config)).config
    assert card.parameters == count_parameters(model)
