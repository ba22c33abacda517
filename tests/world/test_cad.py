import itertools

import pytest
import torch
from hypothesis import given
from world_strategies import sampled, some_examples

from utils.world import FARTHEST, NEAREST, PICTURE_SIZE, SHAPES, SIZES, Scene, Scenes, Thing, sample_scenes
from utils.world.cad import (
    CAD_LENGTH,
    CAD_VOCABULARY,
    ProgramError,
    detokenize_program,
    iou,
    parse,
    render_programs,
    run,
    tokenize_programs,
    write_program,
)
from utils.world.depth import WALL, render_depth_maps
from utils.world.tokenizer import SPECIAL

ROOM = PICTURE_SIZE**3


def volume(program):
    return run(program).sum().item()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_program_builds_the_solid_that_the_depth_camera_sees(shape, size):
    scene = Scene((Thing(shape, "red", size, 12, 18, depth=10),))
    solid = run(write_program(scene))
    first = solid.int().argmax(0).where(solid.any(0), WALL)  # along each line of sight
    seen = render_depth_maps(Scenes.of([scene]))[0, 0]
    outline = (seen < WALL) == solid.any(0)
    assert (~outline).sum() <= 12, "pixels on the rim"
    both = (seen < WALL) & solid.any(0)
    assert (first - seen)[both].abs().median() <= 1


@some_examples
@given(sampled(most=2))
def test_every_scene_has_a_program_that_runs_and_goes_through_tokens_and_back(scenes):
    programs = render_programs(scenes)
    tokens = tokenize_programs(programs)
    assert tokens.shape == (len(scenes), CAD_LENGTH)
    assert [detokenize_program(row) for row in tokens] == programs
    assert all(run(program).any() for program in programs[:2])


def test_the_longest_program_of_two_objects_fits():
    scenes = Scenes.of(
        Scene((Thing.at(one, "red", "large", "top left"), Thing.at(other, "blue", "large", "top right")))
        for one, other in itertools.product(SHAPES, repeat=2)
    )
    assert int((tokenize_programs(render_programs(scenes)) > 0).sum(1).max()) <= CAD_LENGTH


def test_add_cut_and_keep_are_union_difference_and_intersection():
    one, other = "add box 8 16 16 4 4 4", "box 12 16 16 4 4 4"
    assert volume(one) == 9**3
    assert volume(f"{one}\nadd {other}") == 9**3 + 9 * 9 * 4
    assert volume(f"{one}\ncut {other}") == 9 * 9 * 4
    assert volume(f"{one}\nkeep {other}") == 9 * 9 * 5
    assert volume(f"{one}\ncut box 8 16 16 32 32 32") == 0


def test_the_order_of_commands_matters():
    assert volume("add sphere 8 8 8 6\ncut sphere 8 8 8 3\nadd sphere 8 8 8 4") > volume(
        "add sphere 8 8 8 6\nadd sphere 8 8 8 4\ncut sphere 8 8 8 3"
    )


def test_primitives_have_the_volume_of_the_schoolbook():
    for program, expected in (
        ("add sphere 16 16 16 10", 4 / 3 * torch.pi * 10**3),
        ("add cylinder 16 16 16 10 5.5", torch.pi * 10**2 * 11),
        ("add cone 16 16 16 10 10.5", torch.pi / 3 * 10**2 * 21),
    ):
        assert volume(program) == pytest.approx(expected, rel=0.05), program


def test_an_object_in_the_hole_of_a_ring_is_not_cut():
    ring, ball = Thing("ring", "red", "large", 16, 16), Thing("circle", "red", "small", 16, 16)
    solids = [run(write_program(Scene(things))) for things in ((ring, ball), (ball, ring))]
    assert torch.equal(*solids)
    assert solids[0][16, 16, 16]


def test_a_program_places_an_object_at_its_depth():
    near, far = (
        run(write_program(Scene((Thing("star", "red", "large", 8, 8, depth=d),)))) for d in (NEAREST, FARTHEST)
    )
    assert torch.equal(near.roll(FARTHEST - NEAREST, 0), far)


def test_iou_is_one_for_the_same_solid_a_share_for_overlaps_and_zero_apart():
    box, half, apart = map(run, ("add box 8 8 8 2 2 2", "add box 8 8 8.5 2 2 1.5", "add box 24 8 8 2 2 2"))
    assert iou(box, box) == 1
    assert iou(box, half) == iou(half, box) == 4 / 5
    assert iou(box, apart) == 0
    nothing = torch.zeros_like(box)
    assert iou(nothing, nothing) == 1
    assert iou(box, nothing) == 0


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "no command; begin with a line such as"),
        ("add sphere 8 8 8 3\n\nmelt sphere 8 8 8 3", "line 3, 'melt sphere 8 8 8 3': a command begins with add, cut"),
        ("add", "line 1, 'add': there is no primitive ''"),
        ("add torus 8 8 8 3 1", "no primitive 'torus'; choose from sphere"),
        ("add sphere 8 8 8", "a sphere takes 4 numbers, x y z radius, and 3 are given"),
        ("add box 8 8 8 1 1 1 1", "takes 6 numbers"),
        ("add sphere 8 8 8 three", "radius must be a number of pixels from 0 to 32 in halves, not 'three'"),
        ("add sphere 8 8 33 3", "z must be a number"),
        ("add sphere 8 8 8.25 3", "in halves, not '8.25'"),
        ("add sphere -1 8 8 3", "x must be"),
        ("add sphere nan 8 8 3", "x must be"),
        ("add sphere 8 8 8 0", "size must be more than 0"),
        ("cut sphere 8 8 8 3", "nothing yet to cut; add first"),
    ],
)
def test_a_program_that_cannot_run_is_refused_by_its_line(program, message):
    for use in (parse, run):
        with pytest.raises(ProgramError, match=message):
            use(program)


def test_words_outside_the_language_have_no_tokens_and_long_programs_do_not_fit():
    with pytest.raises(ProgramError, match="'torus' is no word"):
        tokenize_programs(["add torus 8 8 8 1"])
    with pytest.raises(ValueError, match="takes 16 tokens, and at most 15 fit"):
        tokenize_programs(["add sphere 8 8 8 1\n" * 2], length=15)
    assert tokenize_programs([]).shape == (0, CAD_LENGTH)


def test_special_tokens_are_those_of_sentences_and_no_word_occurs_twice():
    assert CAD_VOCABULARY[: len(SPECIAL)] == SPECIAL
    assert len(set(CAD_VOCABULARY)) == len(CAD_VOCABULARY)


def test_an_empty_scene_has_an_empty_program():
    assert render_programs(Scenes.of([Scene(())])) == [""]
    assert len(render_programs(sample_scenes(3, seed=0))) == 3
