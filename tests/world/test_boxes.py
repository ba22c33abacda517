"""Boxes lie around their objects, and their words come back as nearly the same box."""

from __future__ import annotations

import pytest
import torch

from utils.world import BACKGROUND, Scenes, Thing, render_pictures, sample_scenes
from utils.world.boxes import box_of, box_words, framed, overlap, words_box
from utils.world.scenes import Scene


def test_a_box_holds_all_of_its_object_and_little_more():
    scenes = sample_scenes(60, seed=1, objects=(1, 1))
    ground = torch.tensor(BACKGROUND).view(3, 1, 1)
    for scene, picture in zip(scenes, render_pictures(scenes), strict=True):
        left, top, right, bottom = map(int, box_of(scene.things[0]))
        painted = (picture != ground).any(dim=0)
        assert painted.sum() - painted[top:bottom, left:right].sum() <= 4  # the tips of a star, anti-aliased
        assert painted.any(dim=0).sum() >= right - left - 2
        assert painted.any(dim=1).sum() >= bottom - top - 2


def test_words_come_back_as_nearly_the_same_box():
    scenes = sample_scenes(200, seed=2)
    boxes = [box_of(thing) for scene in scenes for thing in scene.things]
    assert min(overlap(box, words_box(box_words(box))) for box in boxes) > 0.5


def test_the_words_of_a_box_are_tenths_of_the_picture_and_end_at_nine():
    assert box_words((0, 3.2, 16, 32)) == "zero one five nine"
    assert words_box("zero one five nine") == pytest.approx((1.6, 4.8, 17.6, 30.4))


@pytest.mark.parametrize("words", ["", "top left", "one one four", "one one four four four", "four one one four"])
def test_words_that_mean_no_box_give_none(words):
    assert words_box(words) is None
    assert overlap(words_box(words), (0, 0, 1, 1)) == 0


def test_overlap_is_of_the_area_of_both():
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 2, 2), (2, 2, 3, 3)) == 0
    thing = Thing.at("ring", "red", "large", "top left")
    assert overlap(box_of(thing), box_of(Scenes.of([Scene((thing,))])[0].things[0])) == 1


def test_a_frame_is_dark_lies_on_the_edges_and_leaves_the_rest():
    picture = torch.full((3, 8, 8), 200, dtype=torch.uint8)
    large = framed(picture, [(2, 2, 6, 6), None])
    assert large.shape == (3, 64, 64)
    assert (large[:, 16:48, 16:20] == 0).all()
    assert (large[:, 20:44, 20:44] == 200).all()
    assert (large[:, :16] == 200).all()
    assert (picture == 200).all()
