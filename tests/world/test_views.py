"""Solids seen from anywhere: from the front as in the picture, and turned as one turns them."""

from __future__ import annotations

import pytest
import torch

from utils.world import BACKGROUND, SHAPES, Scene, Scenes, Thing, render_pictures, render_programs, sample_scenes
from utils.world.cad import iou, run
from utils.world.views import front, outline, render_view

GROUND = torch.tensor(BACKGROUND).view(3, 1, 1)


def seen(view):
    return (view != GROUND).any(dim=0)


def solid_of(shape, **place):
    program = render_programs(Scenes.of([Scene((Thing(shape, "red", "large", **({"x": 16, "y": 16} | place)),))]))[0]
    return run(program)


@pytest.mark.parametrize("shape", SHAPES)
def test_from_the_front_a_solid_looks_like_its_picture(shape):
    scenes = sample_scenes(400, seed=1, pairs="all", objects=(1, 1))
    scenes = scenes[scenes.shape[:, 0] == SHAPES.index(shape)]
    fits = [
        iou(front(run(program)), outline(picture))
        for program, picture in zip(render_programs(scenes), render_pictures(scenes), strict=True)
    ]
    assert sum(fits) / len(fits) > 0.85


def test_an_empty_room_shows_the_ground_and_has_no_outline():
    empty = torch.zeros(32, 32, 32, dtype=torch.bool)
    assert torch.equal(render_view(empty), GROUND.byte().expand(3, 96, 96))
    assert not front(empty).any()
    assert not outline(GROUND.byte().expand(3, 32, 32)).any()


def test_outlines_of_many_are_those_of_each():
    pictures = render_pictures(sample_scenes(5, seed=2))
    assert torch.equal(outline(pictures), torch.stack([outline(picture) for picture in pictures]))
    solids = torch.stack([solid_of("ring"), solid_of("star")])
    assert torch.equal(front(solids)[1], front(solids[1]))


def test_a_view_from_the_front_shows_the_outline_magnified():
    solid = solid_of("triangle", x=9, y=20)
    view = seen(render_view(solid, 0, 0))
    rows, columns = view.nonzero().float().mean(0).tolist()
    true_rows, true_columns = front(solid).nonzero().float().mean(0).tolist()
    for found, true in ((rows, true_rows), (columns, true_columns)):
        across = ((true + 0.5) / 16 - 1) / 1.2  # from -1 to 1 over the view
        assert found == pytest.approx((across + 1) / 2 * 95, abs=1.5)


def test_a_plate_is_thin_from_the_side_and_from_above():
    plate = solid_of("star")
    across = seen(render_view(plate, 0, 0)).any(dim=0).sum()
    assert seen(render_view(plate, 90, 0)).any(dim=0).sum() < 0.6 * across
    assert seen(render_view(plate, 0, -90)).any(dim=1).sum() < 0.6 * across


def test_turned_it_is_seen_from_the_right_and_tipped_from_above():
    near, far = run("add sphere 16 16 6 4"), run("add sphere 16 16 26 4")
    middle = {
        (name, *angle): seen(render_view(solid, *angle)).nonzero().float().mean(0)
        for name, solid in (("near", near), ("far", far))
        for angle in ((40, 0), (0, 40))
    }
    assert middle["near", 40, 0][1] < middle["far", 40, 0][1]  # who stands on the right sees near things farther left
    assert middle["near", 0, 40][0] > middle["far", 0, 40][0]  # and who stands high, lower down


def test_what_faces_the_light_is_brighter():
    cube = render_view(run("add box 16 16 16 8 8 8"), 35, 25).float().mean(dim=0)
    inside = cube[seen(render_view(run("add box 16 16 16 8 8 8"), 35, 25))]
    assert inside.max() > 1.5 * inside.min()
