"""The held-out figures of the checkpoint "point_shapes"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.held_out.figures import figure_of
from utils.models.point import PointClassifier
from utils.training.checkpoints import Figure
from utils.training.recipes.point_shapes import POINTS
from utils.world import render_points, sample_scenes


@torch.no_grad()
def shapes_right(model: PointClassifier, clouds: Tensor, shapes: Tensor) -> Float[Tensor, " clouds"]:
    """Return 1 for each cloud that the model takes for the shape that `shapes` says, a place in `SHAPES`, else 0."""
    return (model(clouds).argmax(1) == shapes).float()


def points_out_of_order(clouds: Tensor, seed: int = 0) -> Tensor:
    """Return the same clouds, the points of each in a random order of its own."""
    order = torch.rand(clouds.shape[:2], generator=torch.Generator().manual_seed(seed)).argsort(1)
    return clouds[torch.arange(len(clouds)).unsqueeze(1), order]


def coordinates_out_of_order(clouds: Tensor, seed: int = 0) -> Tensor:
    """Return clouds whose x, y and z are shuffled each by itself, so that every point is made of three others' parts.

    Each coordinate takes the values that it took, only not together with the others: the form is gone.
    """
    order = torch.rand(*clouds.shape[:2], 3, generator=torch.Generator().manual_seed(seed)).argsort(1)
    return torch.cat([clouds[..., :3].gather(1, order), clouds[..., 3:]], dim=2)


def measure(model: PointClassifier) -> dict[str, Figure]:
    """Return the held-out figures: shapes in colours never seen on them, and with the order or the form taken away."""
    scenes = sample_scenes(1000, seed=2000, objects=(1, 1), pairs="held_out")
    clouds, shapes = render_points(scenes, POINTS, seed=2000, colour=True), scenes.shape[:, 0]
    on = f"1000 clouds of {POINTS} points on one object, only shape-colour pairs that training never shows"
    conditions = {
        "shape": (clouds, 0.95, on),
        "shape, points out of order": (points_out_of_order(clouds), 0.95, f"{on}; points in random order"),
        "shape, half of the points": (clouds[:, : POINTS // 2], 0.75, f"{on}; half of them"),
        "shape, coordinates out of order": (
            coordinates_out_of_order(clouds),
            0.50,
            f"{on}; x, y and z each in an order of its own",
        ),
    }
    return {
        title: figure_of(shapes_right(model, shown, shapes), bar, words, at_most=bar <= 0.5)
        for title, (shown, bar, words) in conditions.items()
    }
