"""The held-out figures of the checkpoint "scene_reader"."""

from __future__ import annotations

import torch

from utils.evaluation.held_out.figures import figure_of
from utils.models.reader import Reader, contents
from utils.training.checkpoints import Figure
from utils.world import render_pictures, sample_scenes


def measure(model: Reader, number: int = 2000) -> dict[str, Figure]:
    """Return the share of pictures of which all is read rightly: objects, sizes and quarters; and of blank ones."""
    figures = {}
    for pairs in ("seen", "held_out"):
        scenes = sample_scenes(number, seed=3100, objects=(1, 2), pairs=pairs)
        right = (model.read(render_pictures(scenes)) == contents(scenes)).flatten(1).all(dim=1)
        on = f"{number} scenes of 1 or 2 objects, all of each right, {pairs.replace('_', '-')} pairs"
        figures[f"all read rightly, {pairs}"] = figure_of(right, 0.99, on)
    noise = torch.randint(0, 256, (200, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    found = (model.read(noise)[..., 0] >= 0).any(dim=1) & (model.read(noise)[..., 1] >= 0).any(dim=1)
    figures["objects found in noise"] = figure_of(found, 1.0, "200 pictures of random pixels", at_most=True)
    return figures
