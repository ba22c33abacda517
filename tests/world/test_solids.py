import math

import pytest
import torch

from utils.world import SHAPES
from utils.world.pictures import signed_distance
from utils.world.solids import PLATE, half_thickness, mesh, sample_surface

VOLUMES = {  # by the formulas of the schoolbook
    "circle": 4 / 3 * math.pi,
    "square": 1.8**3,
    "triangle": math.pi / 3 * (0.52 * 1.9) ** 2 * 1.9,
    "ring": math.pi * (1 - 0.52**2) * 2 * PLATE,
    "cross": (4 * 0.56 - 0.56**2) * 2 * PLATE,
    "star": 5 * 1.05 * 0.45 * math.sin(math.pi / 5) * 2 * PLATE,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_thickness_and_mesh_enclose_one_and_the_same_volume(shape):
    axis = ((torch.arange(800) + 0.5) / 400 - 1) * 1.1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    by_thickness = 2 * half_thickness(shape, x, y).sum().item() * (1.1 / 400) ** 2
    assert by_thickness == pytest.approx(VOLUMES[shape], rel=0.01)
    corners, triangles = mesh(shape)
    a, b, c = corners[triangles].unbind(1)
    # Gauss: the sum of the pyramids over all triangles is the volume only of a closed surface that turns one way
    for origin in (torch.zeros(3), torch.tensor([2.0, -1.0, 3.0])):
        pyramids = ((a - origin) * torch.linalg.cross(b - origin, c - origin)).sum(1) / 6
        assert abs(pyramids.sum().item()) == pytest.approx(VOLUMES[shape], rel=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_seen_from_the_front_a_solid_is_its_shape_in_the_picture(shape):
    points = sample_surface(*mesh(shape), 4000, torch.Generator().manual_seed(0))
    assert (signed_distance(shape, points[:, 0], points[:, 1]) <= 0.01).all(), "a point beside the silhouette"
    inside = torch.rand(4000, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    inside = inside[signed_distance(shape, *inside.unbind(1)) < -0.1]
    assert torch.cdist(inside, points[:, :2]).amin(1).max() < 0.15, "a part of the silhouette without points"


def test_points_are_drawn_in_proportion_to_area():
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [3, 0, 5], [0, 1, 5]])
    triangles = torch.tensor([[0, 1, 2], [3, 4, 5]])
    points = sample_surface(corners, triangles, 20_000, torch.Generator().manual_seed(0))
    assert (points[:, 2] > 2).float().mean().item() == pytest.approx(0.75, abs=0.01)
    low = points[points[:, 2] < 2]
    assert low.mean(0).tolist() == pytest.approx([1 / 3, 1 / 3, 0], abs=0.01), "evenly within a triangle"
    assert (low[:, 0] + low[:, 1]).max() < 1 + 1e-6


def test_what_has_no_surface_or_no_solid_is_refused():
    with pytest.raises(ValueError, match="no surface"):
        sample_surface(torch.zeros(3, 3), torch.tensor([[0, 1, 2]]), 4, torch.Generator())
    with pytest.raises(ValueError, match="no solid for the shape 'cube'; choose from circle"):
        mesh("cube")
    with pytest.raises(ValueError, match="no solid for the shape 'cube'"):
        half_thickness("cube", torch.zeros(1), torch.zeros(1))
