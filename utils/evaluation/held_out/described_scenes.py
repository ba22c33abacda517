"""The held-out figures of the checkpoint "described_scenes"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.held_out.llava_scenes import told
from utils.evaluation.held_out.moe_llava_scenes import blank_of
from utils.models.llava import LLaVA
from utils.training.checkpoints import Figure
from utils.training.recipes.described_scenes import descriptions
from utils.training.recipes.llava_scenes import PICTURE
from utils.world import Scenes, render_pictures, sample_scenes

NUMBER = 400


def describe_pictures(model: LLaVA, pictures: Tensor) -> list[str]:
    """Return what the model writes after each picture, uint8 [pictures, 3, height, width]."""
    return told(model, [(PICTURE,)] * len(pictures), pictures)


def descriptions_right(model: LLaVA, scenes: Scenes, pictures: Tensor) -> Float[Tensor, " scenes"]:
    """Return 1 for each picture of which the model says, word for word, what stands where in its scene, else 0."""
    said = zip(describe_pictures(model, pictures), descriptions(scenes), strict=True)
    return torch.tensor([words == wanted for words, (_, wanted) in said]).float()


def measure(model: LLaVA) -> dict[str, Figure]:
    """Return how many descriptions are right, and what is left of them without the true picture."""
    figures = {}
    for pairs in ("seen", "held_out"):
        scenes = sample_scenes(NUMBER, seed=6100, pairs=pairs)
        pictures = render_pictures(scenes)
        on = f"{NUMBER} pictures of one or two objects, {pairs.replace('_', '-')} pairs, word for word"
        figures[f"descriptions {pairs}"] = figure_of(descriptions_right(model, scenes, pictures), 0.95, on)
    for name, some in {"shuffled": pictures[derangement(NUMBER)], "blank": blank_of(pictures)}.items():
        scores = descriptions_right(model, scenes, some)
        figures[f"descriptions held_out, {name} pictures"] = figure_of(scores, 0.05, f"{on}, {name}", at_most=True)
    return figures
