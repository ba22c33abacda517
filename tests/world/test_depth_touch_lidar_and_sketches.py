"""Renderings that see shape, size and place, each in its own way, and no colour."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from torch.nn.functional import max_pool2d
from world_strategies import sampled, some_examples

from utils.world import FARTHEST, NEAREST, PICTURE_SIZE, SHAPES, SIZES, Scene, Scenes, Thing, render_pictures
from utils.world.depth import WALL, render_depth_maps
from utils.world.lidar import BEAMS, MAX_RANGE, render_lidar_sweeps
from utils.world.pictures import BACKGROUND
from utils.world.sketches import INK, PAPER, render_sketches
from utils.world.touch import render_touch_maps

RENDERINGS = {
    render_depth_maps: (1, PICTURE_SIZE, PICTURE_SIZE),
    render_touch_maps: (1, PICTURE_SIZE, PICTURE_SIZE),
    render_sketches: (1, PICTURE_SIZE, PICTURE_SIZE),
    render_lidar_sweeps: (BEAMS,),
}
every = pytest.mark.parametrize("render", RENDERINGS)


def scenes_of(*things):
    return Scenes.of([Scene(things)])


@every
@some_examples
@given(scenes=sampled())
def test_a_rendering_does_not_depend_on_its_batch_nor_on_colour(render, scenes):
    rendered = render(scenes)
    assert rendered.shape == (len(scenes), *RENDERINGS[render])
    assert rendered.isfinite().all()
    torch.testing.assert_close(render(scenes[3:5]), rendered[3:5])
    red = dataclasses.replace(scenes, colour=scenes.colour.clamp(max=0))
    assert torch.equal(render(red), rendered)


@every
@pytest.mark.parametrize("grid", [2, 3])
def test_shapes_and_sizes_all_come_out_different(render, grid):
    scenes = Scenes.of(
        Scene((Thing.at(shape, "red", size, "top left", grid),), grid) for shape in SHAPES for size in SIZES
    )
    alike = len(SIZES) if render is render_lidar_sweeps else 0  # whose beams cannot tell a ring from a circle
    assert len(render(scenes).flatten(1).unique(dim=0)) == len(scenes) - alike


@every
def test_no_scenes_give_nothing_and_an_empty_scene_an_empty_rendering(render):
    empty = Scenes.of([Scene(())])
    nothing = {render_depth_maps: WALL, render_touch_maps: 0, render_sketches: PAPER, render_lidar_sweeps: MAX_RANGE}
    assert (render(empty) == nothing[render]).all()
    assert render(empty[:0]).shape == (0, *RENDERINGS[render])


def test_the_depth_map_measures_to_the_front_of_a_ball_and_past_it_to_the_wall():
    (depths,) = render_depth_maps(scenes_of(Thing("circle", "red", "large", 16, 16, depth=20)))[0]
    assert depths[16, 16].item() == 20 - 6.5
    assert depths[16, 13].item() == pytest.approx(20 - math.sqrt(6.5**2 - 3**2))
    assert depths[0, 0].item() == WALL


def test_the_nearer_object_hides_the_farther_one_in_either_order():
    near = Thing("circle", "red", "small", 16, 16, depth=NEAREST)
    far = Thing("square", "blue", "large", 16, 16, depth=FARTHEST)
    assert torch.equal(render_depth_maps(scenes_of(near, far)), render_depth_maps(scenes_of(far, near)))
    assert render_depth_maps(scenes_of(near, far))[0, 0, 16, 16].item() == NEAREST - 4.5


@some_examples
@given(sampled())
def test_depth_maps_and_pictures_show_objects_in_the_same_places(scenes):
    ground = torch.tensor(BACKGROUND).view(3, 1, 1)
    drawn = (render_pictures(scenes) != ground).any(1)
    solid = render_depth_maps(scenes)[:, 0] < WALL
    assert not (solid & ~drawn).any()
    beside = max_pool2d(solid[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
    assert not (drawn & ~beside).any(), "only at anti-aliased edges"


def test_a_pad_feels_a_ball_most_in_its_middle_a_plate_faintly_and_depth_not_at_all():
    def touch(shape, depth=16):
        return render_touch_maps(scenes_of(Thing(shape, "red", "large", 16, 16, depth=depth)))[0, 0]

    ball = touch("circle")
    assert ball.argmax().item() == 16 * PICTURE_SIZE + 16
    assert 0.8 < ball.max() <= 1
    assert 0.1 < touch("star").max() < ball.max() / 2
    assert torch.equal(touch("circle", NEAREST), ball)
    assert touch("ring")[16, 16] < touch("ring").max() / 4, "the hole of a ring"


def test_rubber_spreads_pressure_and_keeps_its_sum():
    touched = render_touch_maps(scenes_of(Thing("square", "red", "small", 16, 16)))[0, 0]
    side = 9  # a cube of 0.9 * 9 pixels covers 9 x 9 pixel centres within 4.05 pixels
    assert touched.sum().item() == pytest.approx(side**2 * (0.9 * 9 - 1) / 12, rel=1e-5)
    assert touched[16, 10] > 0, "felt beside the cube"


@pytest.mark.parametrize(
    ("place", "first", "last"),
    [("bottom right", 0, 16), ("bottom left", 16, 32), ("top left", 32, 48), ("top right", 48, 64)],
)
def test_the_sweep_goes_clockwise_from_the_right_and_finds_an_object_in_its_quarter(place, first, last):
    (ranges,) = render_lidar_sweeps(scenes_of(Thing.at("circle", "red", "large", place)))
    beams = (ranges < MAX_RANGE).nonzero().squeeze(1)
    assert len(beams) >= 8
    assert (beams >= first).all()
    assert (beams < last + 1).all()


def test_a_range_is_the_distance_to_the_outline():
    ranges = render_lidar_sweeps(scenes_of(Thing("square", "red", "large", 24, 16)))[0]
    assert ranges[0].item() == pytest.approx(24 - 0.9 * 6.5 - 15.5, abs=0.13)
    assert ranges[BEAMS // 2].item() == MAX_RANGE
    assert render_lidar_sweeps(scenes_of(Thing("circle", "red", "small", 16, 16)))[0].max() == 0, "within an object"


@some_examples
@given(sampled(least=2))
def test_a_sweep_of_several_objects_is_the_nearest_of_theirs(scenes):
    alone = [render_lidar_sweeps(Scenes.of([Scene((thing,), scenes.grid)])) for thing in scenes[0].things]
    assert torch.equal(render_lidar_sweeps(scenes[:1])[0], torch.cat(alone).amin(0))


def test_a_sketch_is_an_outline_with_paper_inside():
    (sketch,) = render_sketches(scenes_of(Thing("square", "red", "large", 16, 16)))[0]
    assert sketch[16, 16] == PAPER
    assert sketch[16, 10:12].min() < 150
    assert sketch.min() >= INK
    ring = render_sketches(scenes_of(Thing("ring", "red", "large", 16, 16)))[0, 0, 16]
    dark = (ring < 150).int()
    assert int((dark.diff() == 1).sum()) == 4, "a ring has an outer and an inner line, on either side"


def test_a_later_object_hides_the_lines_of_an_earlier_one():
    below, above = Thing("square", "red", "large", 16, 16), Thing("square", "red", "large", 20, 16)
    both = render_sketches(scenes_of(below, above))[0, 0]
    assert both[16, 21:23].min() == PAPER, "the right edge of the first is hidden"
    assert both[16, 10:12].min() < 150
