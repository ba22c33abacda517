"""The lidar sweep of a scene: how far a beam of light goes in each direction before it meets an object."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.pictures import signed_distance
from utils.world.scenes import PICTURE_SIZE, SHAPES, Scenes
from utils.world.solids import sides

BEAMS = 64  # in one turn
MAX_RANGE = 24.0  # pixels; a little more than from the middle of the picture to its corner
_STEP = 0.125  # pixels; the resolution of a range


def render_lidar_sweeps(scenes: Scenes) -> Float[Tensor, "scenes beams"]:
    """Return the range of each beam in pixels, `MAX_RANGE` where it meets nothing.

    The sensor stands in the middle of the picture and turns in its plane: beam 0 points to the right, and each next one
    1/`BEAMS` of a turn further, clockwise as one sees it. It meets every object's outline at its widest, whatever its
    depth. A range is exact to an eighth of a pixel. Colour leaves no trace, nor does what stands behind an outline:
    a ring and a circle of one size are the same to a lidar.
    """
    # A world of whole pixels has few different objects: the sweep of each is computed once.
    objects = torch.stack([scenes.shape, sides(scenes).long(), scenes.x, scenes.y], dim=-1)
    different, number = objects.flatten(0, 1).unique(dim=0, return_inverse=True)
    ranges = torch.full((len(different), BEAMS), MAX_RANGE)
    for i, shape in enumerate(SHAPES):
        chosen = different[:, 0] == i
        ranges[chosen] = _sweep(shape, *different[chosen, 1:].unbind(1))
    return ranges[number].view(*scenes.shape.shape, BEAMS).amin(dim=1)


def _sweep(shape: str, side: Tensor, x: Tensor, y: Tensor) -> Float[Tensor, "objects beams"]:
    """The ranges to objects of one shape, found by going along each beam step by step."""
    angle = torch.arange(BEAMS) * 2 * math.pi / BEAMS
    distance = torch.arange(0, MAX_RANGE, _STEP)
    # The middle of the picture lies between its two middle pixels, whose centres are whole numbers.
    middle, half = (PICTURE_SIZE - 1) / 2, side.view(-1, 1, 1) / 2
    right = (middle + angle.cos().view(-1, 1) * distance - x.view(-1, 1, 1)) / half
    down = (middle + angle.sin().view(-1, 1) * distance - y.view(-1, 1, 1)) / half
    met = signed_distance(shape, right, down) <= 0
    return torch.where(met, distance, MAX_RANGE).amin(dim=2)
