"""The picture of a scene: 32 x 32 pixels, anti-aliased objects on a light ground.

Each object is a sprite drawn once from a signed distance (negative inside) with supersampling, then blended into the
picture of every scene at once.
"""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from utils.world.scenes import COLOURS, PICTURE_SIZE, PIXELS, SHAPES, Scenes

BACKGROUND = (240, 238, 232)
RGB = {
    "red": (214, 39, 40),
    "orange": (255, 140, 20),
    "yellow": (250, 215, 40),
    "green": (40, 150, 60),
    "cyan": (60, 200, 215),
    "blue": (40, 80, 210),
    "purple": (135, 60, 185),
    "black": (25, 25, 30),
}
SUPERSAMPLING = 8  # samples a pixel, along each axis
SPRITE = max(size for sizes in PIXELS.values() for size in sizes)  # pixels a side, with room for the largest object
_MARGIN = SPRITE // 2
_SIDE = PICTURE_SIZE + 2 * _MARGIN
_COLOURS = torch.tensor([RGB[colour] for colour in COLOURS], dtype=torch.float32)


def render_pictures(scenes: Scenes) -> UInt8[Tensor, "scenes 3 height width"]:
    """Return the picture of each scene, channels first, 0 to 255.

    A thing that reaches over the edge of the picture is cut off there.
    """
    canvas = blank_canvas(len(scenes))
    atlas = _atlas(scenes.grid)
    for slot in range(scenes.shape.shape[1]):
        rows = (scenes.shape[:, slot] >= 0).nonzero().squeeze(1)
        shape, colour, size, x, y = (
            getattr(scenes, name)[rows, slot] for name in ("shape", "colour", "size", "x", "y")
        )
        paint(canvas, rows, x - SPRITE // 2, y - SPRITE // 2, atlas[shape, size], colour)
    return picture_of(canvas)


def blank_canvas(number: int) -> UInt8[Tensor, "number 3 pixels"]:
    """Return `number` canvases of bare ground: pictures in a frame, so that no sprite leaves the canvas."""
    return torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1).repeat(number, 1, _SIDE * _SIDE)


def paint(
    canvas: UInt8[Tensor, "number 3 pixels"],
    rows: Int[Tensor, " sprites"],
    left: Int[Tensor, " sprites"],
    top: Int[Tensor, " sprites"],
    alpha: Float[Tensor, "sprites height width"],
    colour: Int[Tensor, " sprites"],
) -> None:
    """Lay sprite i over the canvas `rows[i]`, its corner at the pixel (`left[i]`, `top[i]`) of the picture.

    `alpha` says how much of each pixel the sprite covers, 0 to 1, and `colour` indexes `COLOURS`. No row may occur
    twice in one call.
    """
    height, width = alpha.shape[1:]
    offsets = (torch.arange(height).view(-1, 1) * _SIDE + torch.arange(width)).flatten()
    corner = (top + _MARGIN) * _SIDE + left + _MARGIN
    pixels = (corner.view(-1, 1) + offsets).unsqueeze(1).expand(-1, 3, -1)
    pictures = canvas[rows]
    below = pictures.gather(2, pixels).float()
    above = _COLOURS[colour].unsqueeze(2).expand_as(below)
    blended = torch.lerp(below, above, alpha.flatten(1).unsqueeze(1)).round_().byte()
    canvas[rows] = pictures.scatter(2, pixels, blended)


def picture_of(canvas: UInt8[Tensor, "number 3 pixels"]) -> UInt8[Tensor, "number 3 height width"]:
    """Return the pictures inside the frames of canvases."""
    inside = slice(_MARGIN, _MARGIN + PICTURE_SIZE)
    return canvas.view(len(canvas), 3, _SIDE, _SIDE)[:, :, inside, inside].contiguous()


@functools.cache
def _atlas(grid: int) -> Float[Tensor, "shapes sizes height width"]:
    """How much of each pixel every sprite covers, from 0 to 1; small sprites stand in the middle of the frame."""
    fine = torch.stack([torch.stack([silhouette(shape, size) for size in PIXELS[grid]]) for shape in SHAPES])
    return torch.nn.functional.avg_pool2d(fine, SUPERSAMPLING)


def silhouette(shape: str, size: int) -> Float[Tensor, "samples samples"]:
    """Return 1 where `shape`, `size` pixels across, covers the middle of a sprite; `SUPERSAMPLING` samples a pixel."""
    fine = SPRITE * SUPERSAMPLING
    axis = ((torch.arange(fine) + 0.5) / SUPERSAMPLING - SPRITE / 2) / (size / 2)  # -1 to 1 across the object
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return (signed_distance(shape, x, y) <= 0).float()


def signed_distance(shape: str, x: Tensor, y: Tensor) -> Tensor:
    """Return a number that is negative inside the shape, for coordinates from -1 to 1 (y grows downwards)."""
    radius = torch.hypot(x, y)
    box = torch.maximum(x.abs(), y.abs())
    match shape:
        case "circle":
            return radius - 1
        case "square":
            return box - 0.9
        case "triangle":  # apex at the top, base at the bottom
            return torch.maximum(y - 0.9, x.abs() - (y + 1) * 0.52)
        case "cross":
            return torch.maximum(box - 1, torch.minimum(x.abs(), y.abs()) - 0.28)
        case "ring":
            return (radius - 0.76).abs() - 0.24
        case "star":  # five points: the distance to the edge line of the nearest point
            sector = 2 * math.pi / 5
            angle = (torch.atan2(x, -y) + sector / 2) % sector - sector / 2
            along, across = radius * torch.cos(angle), radius * torch.sin(angle).abs()
            tip, inner = 1.05, 0.45
            notch = (inner * math.cos(sector / 2), inner * math.sin(sector / 2))
            # negative on the side of the line from tip to notch on which the centre lies
            return (along - tip) * notch[1] - across * (notch[0] - tip)
    raise ValueError(f"no drawing for the shape {shape!r}")
