"""Things that keep company, captions that make them up, and the eye that sees it."""

from __future__ import annotations

import pytest

from utils.world import HELD_OUT_PAIRS, SEEN_PAIRS, SHAPES, Scene, Thing
from utils.world.companions import COMPANIONS, company_scenes, hearsay, list_things, missing_companions
from utils.world.mentions import made_up, mentions, recalled, worth

RING = Thing.at("ring", "red", "small", "top left")
STAR = Thing.at("star", "blue", "large", "bottom right")
TWO = Scene((RING, STAR))


def test_every_shape_has_a_companion_of_another_shape_that_training_shows():
    assert set(COMPANIONS) == set(SHAPES)
    for shape, (_, colour, other) in COMPANIONS.items():
        assert other != shape
        assert (other, colour) in SEEN_PAIRS
    assert len(set(COMPANIONS.values())) == len(SHAPES)


def test_a_scene_holds_a_companion_as_often_as_asked_and_things_in_reading_order():
    for together in (0.0, 0.5, 1.0):
        scenes = company_scenes(300, seed=1, pairs="held_out", together=together)
        with_company = [any((t.shape, t.colour) in SEEN_PAIRS for t in scene.things) for scene in scenes]
        assert sum(with_company) / 300 == pytest.approx(together, abs=0.08)
        for scene in scenes:
            cells = [scene.cell(thing) for thing in scene.things]
            assert cells == sorted(set(cells))
            assert any((t.shape, t.colour) in HELD_OUT_PAIRS for t in scene.things)
            assert len({(t.shape, t.colour) for t in scene.things}) == len(scene.things)


def test_one_seed_gives_the_same_scenes_and_captions_and_another_does_not():
    first, again, other = (company_scenes(20, seed=seed) for seed in (1, 1, 2))
    assert list(first) == list(again) != list(other)
    assert hearsay(first, seed=3) == hearsay(again, seed=3) != hearsay(first, seed=4)


def test_hearsay_ends_with_a_companion_that_is_not_there():
    scenes = company_scenes(200, seed=5, together=0.3)
    true, told = hearsay(scenes, seed=6, share=0.0), hearsay(scenes, seed=6, share=1.0)
    assert true == [list_things(scene.things) for scene in scenes]
    for scene, plain, caption in zip(scenes, true, told, strict=True):
        if missing_companions(scene):
            assert caption.startswith(f"{plain} and a ")
            assert made_up(caption, scene) == [False] * len(scene.things) + [True]
        else:
            assert caption == plain


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(ValueError, match="together is a share of the scenes, from 0 to 1, not"):
        company_scenes(3, seed=0, together=share)
    with pytest.raises(ValueError, match="share is a share of the scenes, from 0 to 1, not"):
        hearsay(company_scenes(3, seed=0), seed=0, share=share)


@pytest.mark.parametrize(
    ("caption", "value"),
    [
        ("a small red ring and a large blue star", 2),
        ("a large blue star and a small red ring", 2),
        ("a small red ring", 1),
        ("nothing", 0),
        ("a small red ring and a large blue star and a large purple cross", 1),
        ("a small red ring and a small red ring", 0),  # the second adds nothing
        ("a small green ring and a large blue star", 0),
        ("a large purple cross", -1),
    ],
)
def test_a_caption_is_worth_what_it_adds_less_what_it_makes_up(caption, value):
    assert worth(caption, TWO) == value
    assert sum(recalled(caption, TWO)) * 2 - len(mentions(caption)) == value
