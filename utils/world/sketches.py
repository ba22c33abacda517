"""The sketch of a scene: the outlines of its objects in dark lines on white paper, 32 x 32 pixels."""

from __future__ import annotations

import functools

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from utils.world.pictures import SPRITE, SUPERSAMPLING, silhouette
from utils.world.scenes import PICTURE_SIZE, PIXELS, SHAPES, Scenes

INK, PAPER = 40, 255  # brightness, 0 to 255
LINE = 1.0  # pixels; the width of the pencil


def render_sketches(scenes: Scenes) -> UInt8[Tensor, "scenes 1 height width"]:
    """Return the line drawing of each scene in one channel, 0 (black) to 255 (white).

    The outline runs along the inner edge of each object, and a later object hides the lines of an earlier one. A sketch
    keeps shape, size and place, and no colour. What reaches over the edge is cut off there.
    """
    margin = SPRITE // 2
    side = PICTURE_SIZE + 2 * margin  # a frame around the sketch, so that no sprite leaves the canvas
    canvas = torch.full((len(scenes), side * side), float(PAPER))
    offsets = (torch.arange(SPRITE).view(-1, 1) * side + torch.arange(SPRITE)).flatten()
    atlas = _atlas(scenes.grid)
    for slot in range(scenes.shape.shape[1]):
        scene = (scenes.shape[:, slot] >= 0).nonzero().squeeze(1)
        cover, ink = atlas[scenes.shape[scene, slot], scenes.size[scene, slot]].unbind(1)
        pixels = (scenes.y[scene, slot] * side + scenes.x[scene, slot]).view(-1, 1) + offsets
        drawn = canvas[scene].gather(1, pixels) * (1 - cover) + PAPER * (cover - ink) + INK * ink
        canvas[scene] = canvas[scene].scatter(1, pixels, drawn)
    inside = slice(margin, margin + PICTURE_SIZE)
    sketches = canvas.round_().byte().view(len(scenes), 1, side, side)
    return sketches[:, :, inside, inside].contiguous()


@functools.cache
def _atlas(grid: int) -> Float[Tensor, "shapes sizes 2 pixels"]:
    """How much of each pixel every object covers, and how much of it its outline, from 0 to 1."""
    return torch.stack([torch.stack([_sprite(shape, side) for side in PIXELS[grid]]) for shape in SHAPES])


def _sprite(shape: str, side: int) -> Float[Tensor, "2 pixels"]:
    # Only a true distance draws a line of one width everywhere, and a star's signed distance, say, is none.
    from scipy.ndimage import distance_transform_edt

    inside = silhouette(shape, side)
    to_edge = torch.from_numpy(distance_transform_edt(inside.numpy()))
    outline = inside * (to_edge <= LINE * SUPERSAMPLING)
    return torch.nn.functional.avg_pool2d(torch.stack([inside, outline]), SUPERSAMPLING).flatten(1)
