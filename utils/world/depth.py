"""The depth map of a scene: how far it is from the viewer to the first surface, at each pixel."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.pictures import SPRITE
from utils.world.scenes import PICTURE_SIZE, Scenes
from utils.world.solids import thickness_atlas

WALL = PICTURE_SIZE  # pixels from the viewer to the wall at the back: the room is as deep as it is wide


def render_depth_maps(scenes: Scenes) -> Float[Tensor, "scenes 1 height width"]:
    """Return what a depth camera sees: distances from the viewer in pixels, along parallel lines of sight.

    Every object is the solid of its shape, in the middle of which its `depth` is; where there is none, the camera sees
    the wall. The nearest surface hides all others, whichever the order of the objects. Colour leaves no trace.
    """
    # What is nearest to the viewer is highest above the wall.
    return (WALL - raise_sprites(scenes, WALL - scenes.depth.float())).unsqueeze(1)


def raise_sprites(scenes: Scenes, middle: Float[Tensor, "scenes slots"]) -> Float[Tensor, "scenes height width"]:
    """Return how high the highest surface stands above the ground at each pixel, in pixels.

    `middle` is how high the middle of each object is; from there it reaches up by half its thickness. What reaches over
    the edge is cut off there.
    """
    margin = SPRITE // 2
    side = PICTURE_SIZE + 2 * margin  # a frame around the map, so that no sprite leaves the canvas
    canvas = torch.zeros(len(scenes), side * side)
    offsets = (torch.arange(SPRITE).view(-1, 1) * side + torch.arange(SPRITE)).flatten()
    atlas = thickness_atlas(scenes.grid).flatten(2)
    for slot in range(scenes.shape.shape[1]):
        scene = (scenes.shape[:, slot] >= 0).nonzero().squeeze(1)
        thickness = atlas[scenes.shape[scene, slot], scenes.size[scene, slot]]
        top = (middle[scene, slot].unsqueeze(1) + thickness).where(thickness > 0, 0)
        corner = scenes.y[scene, slot] * side + scenes.x[scene, slot]  # the margin cancels half of the sprite
        canvas[scene] = canvas[scene].scatter_reduce(1, corner.view(-1, 1) + offsets, top, "amax")
    inside = slice(margin, margin + PICTURE_SIZE)
    return canvas.view(len(scenes), side, side)[:, inside, inside].contiguous()
