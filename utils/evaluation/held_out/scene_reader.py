"""The held-out figures of the checkpoint "scene_reader"."""

from __future__ import annotations

from utils.evaluation.held_out.figures import figure_of
from utils.models.reader import Reader, contents
from utils.training.checkpoints import Figure
from utils.world import render_pictures, sample_scenes


def measure(model: Reader, number: int = 2000) -> dict[str, Figure]:
    """Return the share of pictures of which all is read rightly: objects, sizes and quarters."""
    figures = {}
    for pairs in ("seen", "held_out"):
        scenes = sample_scenes(number, seed=3100, objects=(1, 2), pairs=pairs)
        right = (model.read(render_pictures(scenes)) == contents(scenes)).flatten(1).all(dim=1)
        on = f"{number} scenes of 1 or 2 objects, all of each right, {pairs.replace('_', '-')} pairs"
        figures[f"all read rightly, {pairs}"] = figure_of(right, 0.99, on)
    return figures
