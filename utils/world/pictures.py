"""The picture of a scene: 32 x 32 pixels, anti-aliased objects on a light ground.

Each object is a sprite drawn once from a signed distance (negative inside) with supersampling, then blended into the
picture of every scene at once.
"""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float, UInt8
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
_SUPERSAMPLING = 8
_SPRITE = max(size for sizes in PIXELS.values() for size in sizes)


def render_pictures(scenes: Scenes) -> UInt8[Tensor, "scenes 3 height width"]:
    """Return the picture of each scene, channels first, 0 to 255.

    A thing that reaches over the edge of the picture is cut off there.
    """
    margin = _SPRITE // 2
    side = PICTURE_SIZE + 2 * margin  # a frame around the picture, so that no sprite leaves the canvas
    canvas = torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1).repeat(len(scenes), 1, side * side)
    offsets = (torch.arange(_SPRITE).view(-1, 1) * side + torch.arange(_SPRITE)).flatten()
    colours = torch.tensor([RGB[colour] for colour in COLOURS], dtype=torch.float32)
    atlas = _atlas(scenes.grid)
    for slot in range(scenes.shape.shape[1]):
        scene = (scenes.shape[:, slot] >= 0).nonzero().squeeze(1)
        shape, colour, size = (getattr(scenes, name)[scene, slot] for name in ("shape", "colour", "size"))
        corner = scenes.y[scene, slot] * side + scenes.x[scene, slot]  # the margin cancels half of the sprite
        pixels = (corner.view(-1, 1) + offsets).unsqueeze(1).expand(-1, 3, -1)
        alpha = atlas[shape, size].flatten(1).unsqueeze(1)
        pictures = canvas[scene]
        below = pictures.gather(2, pixels).float()
        blended = torch.lerp(below, colours[colour].unsqueeze(2).expand_as(below), alpha).round_().byte()
        canvas[scene] = pictures.scatter(2, pixels, blended)
    inside = slice(margin, margin + PICTURE_SIZE)
    return canvas.view(len(scenes), 3, side, side)[:, :, inside, inside].contiguous()


@functools.cache
def _atlas(grid: int) -> Float[Tensor, "shapes sizes height width"]:
    """How much of each pixel every sprite covers, from 0 to 1; small sprites stand in the middle of the frame."""
    return torch.stack([torch.stack([_sprite(shape, size) for size in PIXELS[grid]]) for shape in SHAPES])


def _sprite(shape: str, size: int) -> Float[Tensor, "height width"]:
    fine = _SPRITE * _SUPERSAMPLING
    axis = ((torch.arange(fine) + 0.5) / _SUPERSAMPLING - _SPRITE / 2) / (size / 2)  # -1 to 1 across the object
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    inside = (_signed_distance(shape, x, y) <= 0).float()
    return torch.nn.functional.avg_pool2d(inside[None, None], _SUPERSAMPLING)[0, 0]


def _signed_distance(shape: str, x: Tensor, y: Tensor) -> Tensor:
    """A number that is negative inside the shape, for coordinates from -1 to 1 (y grows downwards)."""
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
