"""The held-out figures of the checkpoint "region_scenes"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from utils.evaluation.held_out.figures import figure_of
from utils.models.llava import patch_features
from utils.models.vit import ViT
from utils.training.checkpoints import Figure
from utils.world import Scenes, render_pictures, sample_scenes


@torch.no_grad()
def picture_features(vision: ViT, scenes: Scenes) -> Float[Tensor, "scenes width"]:
    """Return the mean vector of the patches of each scene's picture."""
    return patch_features(vision, render_pictures(scenes)).mean(dim=1)


def measure(vision: ViT, number: int = 500) -> dict[str, Figure]:
    """Return how well linear probes, fitted on pairs of the seen split, read shape and colour of pairs never shown."""
    shown = sample_scenes(4 * number, seed=3200, objects=(1, 1))
    new = sample_scenes(number, seed=3201, objects=(1, 1), pairs="held_out")
    features, new_features = picture_features(vision, shown), picture_features(vision, new)
    figures = {}
    for part in ("shape", "colour"):
        probe = LogisticRegression(max_iter=1000).fit(features, getattr(shown, part)[:, 0])
        right = torch.from_numpy(probe.predict(new_features)) == getattr(new, part)[:, 0]
        on = f"{number} scenes of 1 object, read by a linear probe from the mean of its patches, held-out pairs"
        figures[f"{part}, held out"] = figure_of(right, 0.95, on)
    return figures
