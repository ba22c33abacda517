import hashlib

import pytest
import torch
from hypothesis import given
from world_strategies import sampled, some_examples

from utils.world import (
    BACKGROUND,
    COLOURS,
    PICTURE_SIZE,
    RGB,
    SHAPES,
    SIZES,
    Scene,
    Scenes,
    Thing,
    render_pictures,
    sample_scenes,
)
from utils.world.scenes import PIXELS

GROUND = torch.tensor(BACKGROUND, dtype=torch.uint8)


def side(thing, grid):
    return dict(zip(SIZES, PIXELS[grid], strict=True))[thing.size]


def picture(*things, grid=2):
    return render_pictures(Scenes.of([Scene(things, grid)]))[0]


@some_examples
@given(sampled())
def test_the_middle_of_an_object_has_its_colour_and_a_ring_has_a_hole(scenes):
    for pixels, scene in zip(render_pictures(scenes), scenes, strict=True):
        for thing in scene.things:
            middle = tuple(pixels[:, thing.y, thing.x].tolist())
            rim = pixels[:, thing.y, thing.x + round(0.38 * side(thing, scene.grid))].float()
            colour = torch.tensor(RGB[thing.colour]).float()
            if thing.shape == "ring":
                assert middle == BACKGROUND
                assert (rim - colour).abs().max() < 0.1 * 255
            else:
                assert middle == RGB[thing.colour]


@some_examples
@given(sampled())
def test_outside_the_objects_there_is_only_ground(scenes):
    for pixels, scene in zip(render_pictures(scenes), scenes, strict=True):
        free = torch.ones(PICTURE_SIZE, PICTURE_SIZE, dtype=torch.bool)
        for thing in scene.things:
            half = side(thing, scene.grid) // 2
            free[thing.y - half : thing.y + half + 1, thing.x - half : thing.x + half + 1] = False
        # the tip of a star reaches a twentieth of a pixel higher
        assert (pixels[:, free].int() - GROUND.view(3, 1).int()).abs().max() <= 8


@pytest.mark.parametrize("grid", [2, 3])
def test_shapes_sizes_and_colours_all_look_different(grid):
    scenes = Scenes.of(
        Scene((Thing.at(shape, colour, size, "top left", grid),), grid)
        for shape in SHAPES
        for colour in COLOURS
        for size in SIZES
    )
    pictures = render_pictures(scenes).flatten(1)
    assert len(pictures.unique(dim=0)) == len(scenes)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_mirrored_by_its_vertical_axis_and_anti_aliased(shape, size):
    pixels = picture(Thing(shape, "black", size, 16, 16))[:, :, 1:]  # column 16 is the middle one
    assert (pixels.int() - pixels.flip(2).int()).abs().max() <= 8
    levels = pixels[0].unique()
    assert len(levels) > 2, "no pixel is partly covered"


def test_a_thing_over_the_edge_is_cut_off_there():
    whole, cut = picture(Thing("square", "red", "large", 16, 16)), picture(Thing("square", "red", "large", 0, 16))
    assert torch.equal(cut[:, :, :16], whole[:, :, 16:])


def test_a_later_object_covers_an_earlier_one():
    pixels = picture(Thing("circle", "red", "large", 16, 16), Thing("circle", "blue", "small", 16, 16))
    assert tuple(pixels[:, 16, 16].tolist()) == RGB["blue"]
    assert tuple(pixels[:, 16, 11].tolist()) == RGB["red"]


@some_examples
@given(sampled(least=2))
def test_swapping_two_objects_changes_the_picture(scenes):
    before, after = render_pictures(scenes), render_pictures(scenes.swapped())
    assert ((before != after).flatten(1).sum(1) > 0).all()


@some_examples
@given(sampled())
def test_a_picture_does_not_depend_on_its_batch(scenes):
    pictures = render_pictures(scenes)
    assert pictures.dtype == torch.uint8
    assert pictures.shape == (len(scenes), 3, PICTURE_SIZE, PICTURE_SIZE)
    assert torch.equal(render_pictures(scenes[3:5]), pictures[3:5])


def test_no_scenes_give_no_pictures_and_an_empty_scene_bare_ground():
    scenes = Scenes.of([Scene(())])
    assert torch.equal(render_pictures(scenes)[0], GROUND.view(3, 1, 1).expand(3, PICTURE_SIZE, PICTURE_SIZE))
    assert render_pictures(scenes[:0]).shape == (0, 3, PICTURE_SIZE, PICTURE_SIZE)


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({}, "9e35bf674655db98"),
        ({"grid": 3, "objects": (1, 6), "pairs": "all", "jitter": 3}, "1ee73df97f739983"),
        ({"objects": (2, 4)}, "a9833837b18e3e56"),
    ],
)
def test_the_pictures_that_checkpoints_were_trained_on_stay_as_they_are(options, digest):
    pictures = render_pictures(sample_scenes(500, seed=3, **options))
    assert hashlib.sha256(pictures.numpy().tobytes()).hexdigest().startswith(digest)
