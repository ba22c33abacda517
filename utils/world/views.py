"""What a solid looks like from anywhere: a small renderer of cubic pixels, and the outlines of solids and of pictures.

The room is that of `utils.world.cad`: x grows to the right, y downwards and z away from the viewer, who stands far off,
so that there is no perspective.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, UInt8
from torch import Tensor

from utils.style import MODALITY_COLOURS
from utils.world.pictures import BACKGROUND

_COLOUR = [int(MODALITY_COLOURS["3d"][i : i + 2], 16) for i in (1, 3, 5)]
_PAINT = 90  # of 255: how far from the ground a pixel is that counts; at an object's edge they are mixtures
_REACH = 1.2  # half of what is seen, in halves of the room, whose corners may stick out when it is turned


def render_view(
    solid: Bool[Tensor, "depth height width"], turn: float = 35.0, tip: float = 25.0, size: int = 96
) -> UInt8[Tensor, "3 size size"]:
    """Return a picture of a solid, turned about the upright and then tipped, by degrees; from the front at 0 and 0.

    Turned, it is seen from the right, and tipped, from above. Each pixel is a ray that goes on until it meets the
    solid, and is as bright there as the surface faces the light (Lambert's law).
    """
    a, b = math.radians(turn), math.radians(tip)
    # the axes of the view, right, down and away, as directions in the room
    right = torch.tensor([math.cos(a), 0.0, math.sin(a)])
    away = torch.tensor([-math.sin(a), 0.0, math.cos(a)])
    down = torch.tensor([0.0, math.cos(b), 0.0]) - math.sin(b) * away
    away = torch.tensor([0.0, math.sin(b), 0.0]) + math.cos(b) * away

    across = torch.linspace(-_REACH, _REACH, size)
    depths = torch.linspace(-1.8, 1.8, 64)  # a room's corner is sqrt(3) from its middle
    rays = depths.view(-1, 1, 1, 1) * away + across.view(1, -1, 1, 1) * down + across.view(1, 1, -1, 1) * right
    room = solid.float()[None, None]
    hit, first = (F.grid_sample(room, rays[None], align_corners=False)[0, 0] > 0.4).max(dim=0)

    spots = rays.gather(0, first[None, ..., None].expand(1, size, size, 3))
    soft = F.avg_pool3d(room, 3, stride=1, padding=1)[0, 0]
    slopes = torch.stack(torch.gradient(soft, dim=(2, 1, 0)))  # along x, y and z, from outside into the solid
    inwards = F.normalize(F.grid_sample(slopes[None], spots[None], align_corners=False)[0, :, 0], dim=0)
    light = F.normalize(0.5 * right + 0.7 * down + 0.9 * away, dim=0)  # from the upper left, and from the viewer
    facing = (inwards * light.view(3, 1, 1)).sum(0).clamp(min=0)
    shade = torch.tensor(_COLOUR).view(3, 1, 1) * (0.25 + 0.75 * facing)
    return torch.where(hit, shade, torch.tensor(BACKGROUND, dtype=torch.float32).view(3, 1, 1)).round().byte()


def outline(picture: UInt8[Tensor, "*pictures 3 height width"]) -> Bool[Tensor, "*pictures height width"]:
    """Return which pixels of a picture something stands on: those that differ much from the pale ground."""
    ground = torch.tensor(BACKGROUND).view(3, 1, 1)
    return (picture.int() - ground).abs().amax(dim=-3) > _PAINT


def front(solid: Bool[Tensor, "*solids depth height width"]) -> Bool[Tensor, "*solids height width"]:
    """Return the outline of a solid seen from the front: which pixels have something of it before or behind them."""
    return solid.any(dim=-3)
