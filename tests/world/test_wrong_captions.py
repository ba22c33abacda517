"""Wrong captions: wrong in just one way each, and never of a pair that training does not show."""

from __future__ import annotations

import pytest
import torch

from utils.world.captions import render_captions, same_meaning
from utils.world.scenes import HELD_OUT_PAIRS, sample_scenes
from utils.world.wrong_captions import SAME_WORDS, WRONG_WAYS, matching_scenes, wrong_scenes


@pytest.fixture(scope="module", params=["seen", "held_out", "one_held_out"])
def scenes(request):
    return matching_scenes(150, pairs=request.param, seed=3)


def test_every_way_gives_a_caption_for_each_scene_and_none_is_true(scenes):
    true = render_captions(scenes)
    wrong = wrong_scenes(scenes, seed=1)
    assert tuple(wrong) == WRONG_WAYS
    for way, told in wrong.items():
        assert len(told) == len(scenes)
        assert not any(map(same_meaning, render_captions(told), true)), way


def test_scenes_of_the_same_seed_are_not_told_of_truly_either():
    """Else "another scene" is the scene itself, and a model is taught that its true caption is wrong."""
    scenes = sample_scenes(600, seed=4, objects=(2, 2))
    true = render_captions(scenes)
    for way, told in wrong_scenes(scenes, seed=4, pairs="seen").items():
        same = sum(map(same_meaning, render_captions(told), true))
        assert same == 0, way


def test_two_ways_use_the_very_words_of_the_true_caption(scenes):
    words = [sorted(caption.split()) for caption in render_captions(scenes)]
    wrong = wrong_scenes(scenes, seed=1)
    for way in SAME_WORDS:
        assert [sorted(caption.split()) for caption in render_captions(wrong[way])] == words


def test_one_word_is_one_word_and_shape_colour_and_size_come_alike(scenes):
    changed = wrong_scenes(scenes, seed=1)["one word changed"]
    parts = torch.stack([getattr(changed, name) != getattr(scenes, name) for name in ("shape", "colour", "size")])
    assert parts.sum(dim=(0, 2)).tolist() == [1] * len(scenes)
    assert all(share > 0.2 for share in parts.float().sum(dim=2).mean(dim=1).tolist())
    pairs = zip(render_captions(changed), render_captions(scenes), strict=True)
    assert all(sum(a != b for a, b in zip(x.split(), y.split(), strict=True)) == 1 for x, y in pairs)


def test_no_wrong_caption_names_a_pair_outside_the_split():
    """Else a model could learn that whoever says "red circle" is wrong."""
    scenes = sample_scenes(600, seed=4, objects=(2, 2))
    named = {f"{colour} {shape}" for shape, colour in HELD_OUT_PAIRS}
    for told in wrong_scenes(scenes, seed=4, pairs="seen").values():
        assert not [caption for caption in render_captions(told) if any(pair in caption for pair in named)]


def test_where_colours_cannot_be_exchanged_the_caption_is_that_of_another_scene():
    scenes = sample_scenes(600, seed=4, objects=(2, 2))
    wrong = wrong_scenes(scenes, seed=4, pairs="seen")
    exchanged = (wrong["colours exchanged"].colour == scenes.colour.flip(1)).all(dim=1)
    exchanged &= (wrong["colours exchanged"].shape == scenes.shape).all(dim=1)
    assert 0.3 < exchanged.float().mean() < 0.9
    assert torch.equal(wrong["colours exchanged"].size[~exchanged], wrong["another scene"].size[~exchanged])


def test_they_come_from_the_seed(scenes):
    first, again, other = (render_captions(wrong_scenes(scenes, seed=s)["one word changed"]) for s in (1, 1, 2))
    assert first == again != other


def test_scenes_to_match_hold_two_things_unlike_in_shape_and_colour(scenes):
    assert scenes.count.tolist() == [2] * 150
    assert not (scenes.shape[:, 0] == scenes.shape[:, 1]).any()
    assert not (scenes.colour[:, 0] == scenes.colour[:, 1]).any()


def test_scenes_of_one_thing_are_refused():
    with pytest.raises(ValueError, match="scenes of two things"):
        wrong_scenes(sample_scenes(5, seed=0), seed=0)
