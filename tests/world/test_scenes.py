import hashlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import by_hand, sampled, seeds, some_examples

from utils.world import (
    COLOURS,
    FARTHEST,
    HELD_OUT_PAIRS,
    MIDDLE,
    MOTIONS,
    NEAREST,
    PAIRS,
    PICTURE_SIZE,
    SEEN_PAIRS,
    SHAPES,
    SOUNDS,
    VOCABULARY,
    Scene,
    Scenes,
    Thing,
    places,
    render_captions,
    sample_scenes,
)
from utils.world.scenes import PIXELS, SPLITS, cell_edges


def box(thing, grid):
    half = dict(zip(("small", "large"), PIXELS[grid], strict=True))[thing.size] // 2
    return thing.x - half, thing.y - half, thing.x + half, thing.y + half  # the last two are inside


@some_examples
@given(st.lists(by_hand(), min_size=1, max_size=6))
def test_scenes_of_scenes_give_the_same_scenes_back(scenes):
    scenes = [scene for scene in scenes if scene.grid == scenes[0].grid]
    assert list(Scenes.of(scenes)) == scenes


@some_examples
@given(sampled())
def test_every_object_lies_whole_inside_its_own_cell_and_none_overlap(scenes):
    edges = cell_edges(scenes.grid)
    for scene in scenes:
        cells = [scene.cell(thing) for thing in scene.things]
        assert len(set(cells)) == len(cells)
        for thing, cell in zip(scene.things, cells, strict=True):
            row, column = divmod(cell, scene.grid)
            left, top, right, bottom = box(thing, scene.grid)
            assert edges[column] <= left <= right < edges[column + 1]
            assert edges[row] <= top <= bottom < edges[row + 1]
        for a, b in itertools.combinations([box(thing, scene.grid) for thing in scene.things], 2):
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


@some_examples
@given(seeds, st.sampled_from(("seen", "held_out", "all")), st.integers(1, 4), st.integers(0, 3))
def test_sampled_scenes_hold_what_was_asked_for(seed, pairs, least, more):
    most = min(4, least + more)
    for scene in sample_scenes(16, seed=seed, objects=(least, most), pairs=pairs):
        assert least <= len(scene.things) <= most
        found = [(thing.shape, thing.colour) for thing in scene.things]
        assert len(set(found)) == len(found), "two objects of a scene look alike"
        assert set(found) <= set(SPLITS[pairs])


def test_held_out_pairs_never_occur_in_training_but_each_of_their_words_does():
    scenes = sample_scenes(4000, seed=0, objects=(1, 4), grid=3)
    found = {(thing.shape, thing.colour) for scene in scenes for thing in scene.things}
    assert found == set(SEEN_PAIRS)
    assert {shape for shape, _ in found} == set(SHAPES)
    assert {colour for _, colour in found} == set(COLOURS)
    assert set(HELD_OUT_PAIRS) | set(SEEN_PAIRS) == set(PAIRS)
    assert not set(HELD_OUT_PAIRS) & set(SEEN_PAIRS)


def test_every_place_size_and_number_of_objects_is_about_equally_frequent():
    scenes = sample_scenes(8000, seed=0, objects=(1, 4), grid=3)
    cells = torch.tensor([scene.cell(thing) for scene in scenes for thing in scene.things])
    for values, kinds in ((cells, 9), (scenes.size[scenes.size >= 0], 2), (scenes.count - 1, 4)):
        shares = torch.bincount(values, minlength=kinds) / len(values)
        assert torch.allclose(shares, torch.full((kinds,), 1 / kinds), atol=0.02)


@some_examples
@given(seeds)
def test_a_seed_gives_the_same_scenes_again_and_another_seed_others(seed):
    first, again, other = (sample_scenes(32, seed=s) for s in (seed, seed, seed + 1))
    assert list(first) == list(again)
    assert list(first) != list(other)


def test_seed_0_gives_the_scenes_that_checkpoints_were_trained_on():
    first = sample_scenes(1000, seed=0)[0]
    assert first.things[0] == Thing("triangle", "red", "large", 9, 23), "training data changed: retrain the checkpoints"


@some_examples
@given(sampled(least=2))
def test_swapping_exchanges_the_first_two_objects_between_their_places_twice_is_back(scenes):
    for before, after in zip(scenes, scenes.swapped(), strict=True):
        assert [before.place(thing) for thing in before.things] == [after.place(thing) for thing in after.things]
        looks = [(thing.shape, thing.colour, thing.size) for thing in before.things]
        assert [(thing.shape, thing.colour, thing.size) for thing in after.things] == [*looks[1::-1], *looks[2:]]
    centred = scenes.swapped().swapped()
    assert list(centred.swapped().swapped()) == list(centred)


def test_a_single_object_cannot_be_swapped():
    with pytest.raises(ValueError, match="at least two objects"):
        sample_scenes(4, seed=0, objects=(1, 1)).swapped()


def test_scenes_can_be_taken_by_number_slice_mask_list_and_tensor():
    scenes = sample_scenes(6, seed=0)
    everything = list(scenes)
    assert scenes[4] == scenes[-2] == scenes[np.int64(4)] == scenes[torch.tensor(4)] == everything[4]
    assert list(scenes[1:3]) == everything[1:3]
    assert list(scenes[[5, 0]]) == list(scenes[torch.tensor([5, 0])]) == [everything[5], everything[0]]
    assert list(scenes[scenes.count == 2]) == [scene for scene in everything if len(scene.things) == 2]
    assert isinstance(scenes[torch.tensor([4])], Scenes)


@pytest.mark.parametrize("grid", [2, 3])
def test_a_thing_placed_by_name_stands_in_the_middle_of_that_place(grid):
    for place in places(grid):
        thing = Thing.at("ring", "red", "large", place, grid)
        assert Scene((thing,), grid).place(thing) == place
        assert all(0 <= edge < PICTURE_SIZE for edge in box(thing, grid))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Thing("cube", "red", "small", 8, 8), "'cube' is not in this world; choose from circle"),
        (lambda: Thing("ring", "pink", "small", 8, 8), "'pink'"),
        (lambda: Thing.at("ring", "red", "small", "middle", 2), "'middle' is not on a 2x2 grid"),
        (lambda: sample_scenes(1, seed=0, pairs="test"), "one of all, seen, held_out"),
        (lambda: sample_scenes(1, seed=0, grid=4), "2, 3"),
        (lambda: sample_scenes(1, seed=0, objects=(1, 5)), "most <= 4"),
        (lambda: sample_scenes(1, seed=0, objects=(2, 1)), "least <= most"),
        (lambda: sample_scenes(1, seed=0, depths=(0, 8)), "8 <= least <= greatest <= 24"),
        (lambda: sample_scenes(1, seed=0, motions=("flies",)), "motions must be some of still, moves left"),
        (lambda: sample_scenes(1, seed=0, motions="spins"), "motions must be some of"),
        (lambda: sample_scenes(1, seed=0, sounds=()), "sounds must be some of tone, silent"),
        (lambda: Thing("ring", "red", "small", 8, 8, depth=32), "depth must be .* from 8 to 24, not 32"),
        (lambda: Thing("ring", "red", "small", 8, 8, motion="flies"), "'flies' is not in this world"),
        (lambda: Thing("ring", "red", "small", 8, 8, sound="loud"), "choose from tone, silent"),
        (lambda: Scenes.of([]), "at least one scene"),
        (lambda: Scenes.of([Scene((), 2), Scene((), 3)]), "share one grid"),
    ],
)
def test_what_is_not_in_the_world_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_scenes_and_captions_of_a_seed_are_for_ever_those_of_the_first_checkpoints():
    """The digest was taken before scenes had depth, motion and sound; checkpoints and stored outputs rest on it."""
    digest = hashlib.sha256()
    for seed, settings in (
        (0, {}),
        (1, {"objects": (2, 2), "pairs": "held_out"}),
        (7, {"objects": (1, 4), "pairs": "all", "grid": 3, "jitter": 0}),
    ):
        scenes = sample_scenes(300, seed=seed, **settings)
        for name in ("shape", "colour", "size", "x", "y"):
            digest.update(getattr(scenes, name).numpy().astype("<i8").tobytes())
        digest.update("\n".join(render_captions(scenes)).encode())
    assert digest.hexdigest() == "29d58efbdf990cb4b005e6a157a8e1375291392291ce208898d22d9189ecc28a"
    assert hashlib.sha256(" ".join(VOCABULARY[:78]).encode()).hexdigest() == (
        "19d6c47b4c3892b7d4e3c2212d0bdd32c400731bd3fcbc9141e0b8957f06cc6e"
    ), "new words are added at the end"


LIVELY = {"depths": (NEAREST, FARTHEST), "motions": MOTIONS, "sounds": SOUNDS}


@some_examples
@given(seeds)
def test_depth_motion_and_sound_change_nothing_else_nor_one_another(seed):
    plain, lively = sample_scenes(32, seed=seed), sample_scenes(32, seed=seed, **LIVELY)
    for name in ("shape", "colour", "size", "x", "y"):
        assert torch.equal(getattr(plain, name), getattr(lively, name))
    for setting, name in (("depths", "depth"), ("motions", "motion"), ("sounds", "sound")):
        alone = sample_scenes(32, seed=seed, **{setting: LIVELY[setting]})
        assert torch.equal(getattr(alone, name), getattr(lively, name))
        assert (getattr(lively, name)[lively.shape < 0] == -1).all()


def test_objects_stand_still_in_the_middle_of_the_room_and_sound_unless_more_is_asked_for():
    for thing in sample_scenes(1, seed=0)[0].things:
        assert (thing.depth, thing.motion, thing.sound) == (MIDDLE, "still", "tone")
    assert Thing("ring", "red", "small", 8, 8) == Thing.at("ring", "red", "small", "top left")


def test_every_depth_motion_and_sound_is_about_equally_frequent():
    scenes = sample_scenes(8000, seed=0, objects=(2, 2), **LIVELY)
    kinds = {"depth": FARTHEST - NEAREST + 1, "motion": len(MOTIONS), "sound": len(SOUNDS)}
    for name, number in kinds.items():
        values = getattr(scenes, name).flatten() - (NEAREST if name == "depth" else 0)
        shares = torch.bincount(values, minlength=number) / len(values)
        assert torch.allclose(shares, torch.full((number,), 1 / number), atol=0.02)


def test_depth_motion_and_sound_go_with_the_scene_through_every_form():
    scenes = sample_scenes(16, seed=3, objects=(2, 3), **LIVELY)
    assert list(Scenes.of(scenes)) == list(scenes)
    assert list(scenes[[4, 1]]) == [scenes[4], scenes[1]]
    for before, after in zip(scenes, scenes.swapped(), strict=True):
        assert [(t.motion, t.sound) for t in after.things[:2]] == [(t.motion, t.sound) for t in before.things[1::-1]]
        assert [thing.depth for thing in after.things] == [thing.depth for thing in before.things]


@pytest.mark.parametrize("size", PIXELS[2])
def test_an_object_at_any_depth_is_whole_inside_the_room(size):
    assert NEAREST - size / 2 >= 0
    assert FARTHEST + size / 2 <= PICTURE_SIZE
