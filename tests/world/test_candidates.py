import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import sampled, seeds, some_examples

from utils.world import HELD_OUT_PAIRS, SEEN_PAIRS, Scene, Scenes, Thing, render_captions, sample_scenes
from utils.world.candidates import has_held_out_pair, pick_distinct, retrieval_scenes


def pairs_of(scene):
    return {(thing.shape, thing.colour) for thing in scene.things}


@some_examples
@given(sampled())
def test_a_held_out_pair_is_found_wherever_it_stands(scenes):
    expected = [bool(pairs_of(scene) & set(HELD_OUT_PAIRS)) for scene in scenes]
    assert has_held_out_pair(scenes).tolist() == expected


@some_examples
@given(seeds, st.sampled_from(("seen", "one_held_out", "held_out")))
def test_candidates_are_new_and_no_two_hold_the_same_objects(seed, pairs):
    first = retrieval_scenes(16, pairs=pairs, seed=seed)
    known = render_captions(first)[:8]
    scenes = retrieval_scenes(16, pairs=pairs, seed=seed, exclude=known)
    assert not set(render_captions(scenes)) & set(known)
    contents = {frozenset((thing.size, thing.colour, thing.shape) for thing in scene.things) for scene in scenes}
    assert len(contents) == len(scenes) == 16
    for scene in scenes:
        assert len(scene.things) == 2
        found = pairs_of(scene)
        assert {
            "seen": found <= set(SEEN_PAIRS),
            "one_held_out": bool(found & set(HELD_OUT_PAIRS)),
            "held_out": found <= set(HELD_OUT_PAIRS),
        }[pairs]


def test_two_objects_in_another_order_are_no_new_candidate_but_one_object_elsewhere_is():
    circle, star = Thing.at("circle", "red", "large", "top left"), Thing.at("star", "blue", "small", "top right")
    swapped = Scenes.of([Scene((circle, star)), Scene((star, circle))])
    assert len(pick_distinct(swapped, 1)) == 1
    with pytest.raises(ValueError, match="only 1 of these 2 scenes are distinct and new; 2 were asked for"):
        pick_distinct(swapped, 2)
    moved = Thing.at("circle", "red", "large", "bottom left")
    assert len(pick_distinct(Scenes.of([Scene((circle,)), Scene((moved,))]), 2)) == 2


def test_the_first_distinct_scenes_are_taken():
    scenes = sample_scenes(20, seed=0, objects=(2, 2))
    assert list(pick_distinct(scenes, 3)) == list(scenes[:3])
