"""The touch map of a scene: the pressure that a soft pad feels when it is laid on the objects."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.depth import raise_sprites
from utils.world.scenes import PICTURE_SIZE, PIXELS, Scenes

GAP = 1.0  # pixels between the table and the pad where nothing lies under it
SPREAD = 1.0  # pixels; standard deviation of the bell over which soft rubber spreads a pressure
_TALLEST = max(size for sizes in PIXELS.values() for size in sizes)


def render_touch_maps(scenes: Scenes) -> Float[Tensor, "scenes 1 height width"]:
    """Return the pressure at each pixel of a pad as large as the picture, from 0 to 1.

    The objects lie on a table and the pad comes down on them until it is `GAP` above the table. It presses on what
    stands higher, in proportion to by how much (Hooke's law; 1 is for the tallest solid there is), and spreads the
    pressure over its surroundings. So a finger tells a ball from a cube, a ring from a star and small from large; it
    feels no colour, and no depth, since all objects lie on the table.
    """
    heights = 2 * raise_sprites(scenes, torch.zeros_like(scenes.depth, dtype=torch.float32))
    pressure = (heights - GAP).clamp(min=0) / (_TALLEST - GAP)
    bell = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / (2 * SPREAD**2))
    blur = torch.nn.functional.conv2d
    rows = blur(pressure.view(-1, 1, PICTURE_SIZE, PICTURE_SIZE), (bell / bell.sum()).view(1, 1, 1, -1), padding=(0, 3))
    return blur(rows, (bell / bell.sum()).view(1, 1, -1, 1), padding=(3, 0))
