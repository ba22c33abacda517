"""The solid of each shape: what a depth camera, a lidar, a finger and a point cloud see of an object.

A circle is a ball, a square a cube, a triangle a cone, a ring a washer, and a cross and a star are plates. From the
front, each looks as in the picture. Two descriptions of one solid: how thick it is at each point of its silhouette,
from which maps of depth and touch are made, and a mesh of triangles, on whose surface points are drawn.

Lengths are in units of half an object's side, so that an object reaches from -1 to 1; x grows to the right, y downwards
and z away from the viewer.
"""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.world.pictures import SPRITE, signed_distance
from utils.world.scenes import PIXELS, SHAPES, Scenes

CUBE, PLATE = 0.9, 0.45  # half the thickness of a cube, and of a cross, a ring and a star
_CORNERS = 48  # of a polygon that stands for a circle


def half_thickness(shape: str, x: Float[Tensor, "*points"], y: Float[Tensor, "*points"]) -> Float[Tensor, "*points"]:
    """Return how far the solid of `shape` reaches to the front, and as far to the back; 0 beside its silhouette."""
    match shape:
        case "circle":  # a ball
            thickness = (1 - x**2 - y**2).clamp(min=0).sqrt()
        case "triangle":  # a cone: each of its rows is a disc seen from the side
            thickness = ((0.52 * (y + 1)) ** 2 - x**2).clamp(min=0).sqrt()
        case "square":
            thickness = torch.full_like(x, CUBE)
        case "cross" | "ring" | "star":
            thickness = torch.full_like(x, PLATE)
        case _:
            raise ValueError(f"no solid for the shape {shape!r}; choose from {', '.join(SHAPES)}")
    return thickness.where(signed_distance(shape, x, y) <= 0, 0)


@functools.cache
def thickness_atlas(grid: int) -> Float[Tensor, "shapes sizes height width"]:
    """Return half the thickness, in pixels, of each object at each pixel of its sprite, and 0 beside it."""
    offsets = torch.arange(SPRITE) - SPRITE // 2
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    return torch.stack(
        [
            torch.stack([side / 2 * half_thickness(shape, x / (side / 2), y / (side / 2)) for side in PIXELS[grid]])
            for shape in SHAPES
        ]
    )


def sides(scenes: Scenes) -> Float[Tensor, "scenes slots"]:
    """Return the side of each object in pixels; in an empty place the number means nothing."""
    return torch.tensor(PIXELS[scenes.grid], dtype=torch.float32)[scenes.size.clamp(min=0)]


@functools.cache
def mesh(shape: str) -> tuple[Float[Tensor, "corners 3"], Int[Tensor, "triangles 3"]]:
    """Return the surface of the solid of `shape`: the corners, and for each triangle the numbers of its three.

    It is closed, and its triangles all turn the same way about the solid.
    """
    arc = torch.linspace(0, math.pi, _CORNERS // 2 + 1)
    match shape:
        case "circle":
            return _revolve(torch.stack([arc.sin(), -arc.cos()], dim=1))
        case "triangle":
            return _revolve(torch.tensor([[0.0, -1.0], [0.52 * 1.9, 0.9], [0.0, 0.9]]))
        case "ring":  # turned about the line of sight and not about the upright
            profile = torch.tensor([[0.52, -PLATE], [1, -PLATE], [1, PLATE], [0.52, PLATE], [0.52, -PLATE]])
            corners, triangles = _revolve(profile)
            return corners[:, [0, 2, 1]], triangles
        case "square":
            return _extrude(torch.tensor([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]), CUBE)
        case "cross":
            quarter = torch.tensor([[0.28, -1], [0.28, -0.28], [1, -0.28]])
            return _extrude(torch.cat([_turned(quarter, turn * math.pi / 2) for turn in range(4)]), PLATE)
        case "star":
            tip_and_notch = torch.tensor([[0.0, -1.05], [0.45 * math.sin(math.pi / 5), -0.45 * math.cos(math.pi / 5)]])
            return _extrude(torch.cat([_turned(tip_and_notch, turn * 2 * math.pi / 5) for turn in range(5)]), PLATE)
    raise ValueError(f"no solid for the shape {shape!r}; choose from {', '.join(SHAPES)}")


def _turned(points: Float[Tensor, "points 2"], angle: float) -> Float[Tensor, "points 2"]:
    cosine, sine = math.cos(angle), math.sin(angle)
    return points @ torch.tensor([[cosine, sine], [-sine, cosine]])


def _revolve(profile: Float[Tensor, "points 2"]) -> tuple[Tensor, Tensor]:
    """The surface that the line `profile` of (radius, y) sweeps when it turns about the upright."""
    angle = torch.arange(_CORNERS) * 2 * math.pi / _CORNERS
    radius, y = profile[:, :1], profile[:, 1:].expand(-1, _CORNERS)
    corners = torch.stack([radius * angle.cos(), y, radius * angle.sin()], dim=-1)
    numbers = torch.arange(corners[..., 0].numel()).view(len(profile), _CORNERS)
    right = numbers.roll(-1, dims=1)
    squares = torch.stack([numbers[:-1], right[:-1], right[1:], numbers[1:]], dim=-1).flatten(0, 1)
    return corners.flatten(0, 1), torch.cat([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]])


def _extrude(outline: Float[Tensor, "points 2"], half: float) -> tuple[Tensor, Tensor]:
    """A plate with the given outline, all of which is seen from the origin."""
    number = len(outline)
    flat = torch.cat([outline, torch.zeros(1, 2)])
    corners = torch.cat([torch.cat([flat, torch.full((number + 1, 1), z)], dim=1) for z in (-half, half)])
    here = torch.arange(number)
    after = here.roll(-1)
    centre, back = torch.full_like(here, number), number + 1
    cap = torch.stack([here, after, centre], dim=1)
    rim = [torch.stack([here, after, after + back], dim=1), torch.stack([here, after + back, here + back], dim=1)]
    return corners, torch.cat([cap.flip(1), cap + back, *rim])


def sample_surface(
    corners: Float[Tensor, "corners 3"],
    triangles: Int[Tensor, "triangles 3"],
    number: int,
    generator: torch.Generator,
) -> Float[Tensor, "number 3"]:
    """Return `number` points drawn evenly from the surface of a mesh.

    A triangle is drawn in proportion to its area, and then a point in it (Osada et al. 2002, "Shape distributions",
    section 4.1, equation 1). Raises `ValueError` if no triangle has an area.
    """
    a, b, c = corners[triangles].unbind(1)
    areas = torch.linalg.cross(b - a, c - a).norm(dim=1).double().cumsum(0)
    if not len(areas) or not areas[-1] > 0:
        raise ValueError("the mesh has no surface: no three of its corners span a triangle")
    drawn = torch.rand(number, generator=generator, dtype=torch.float64) * areas[-1]
    chosen = torch.searchsorted(areas, drawn, right=True).clamp(max=len(areas) - 1)
    along, across = torch.rand(2, number, 1, generator=generator)
    along = along.sqrt()
    return (1 - along) * a[chosen] + along * (1 - across) * b[chosen] + along * across * c[chosen]
