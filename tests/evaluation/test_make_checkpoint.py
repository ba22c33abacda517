"""How a checkpoint and its card are made from a recipe."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import nn

from utils.evaluation import held_out
from utils.training.checkpoints import load_card
from utils.training.loop import History
from utils.training.recipes import Recipe


@dataclass(frozen=True)
class Sizes:
    """Those of one layer."""

    inputs: int = 3
    outputs: int = 2


def trained(recipe: Recipe) -> tuple[nn.Module, History]:
    model = recipe.build(dataclasses.asdict(recipe.config))
    model.weight.requires_grad_(False)
    return model, History(losses=[1.0], samples=1, seconds=0.25)


def test_a_card_counts_what_training_froze_too(monkeypatch, tmp_path):
    recipe = Recipe(
        name="layer",
        description="one layer",
        data="none",
        seed=0,
        steps=1,
        architecture="Linear",
        config=Sizes(),
        vocabulary=0,
        build=lambda fields: nn.Linear(fields["inputs"], fields["outputs"]),
        train=trained,
    )
    monkeypatch.setattr(held_out, "find_recipe", lambda name: recipe)
    monkeypatch.setattr(held_out, "measure", lambda name, model: {})
    card = held_out.make_checkpoint("layer", tmp_path)
    assert card.parameters == load_card("layer", tmp_path).parameters == 3 * 2 + 2
