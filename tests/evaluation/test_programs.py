"""Measuring programs: by whether they run, by what they build, by what that looks like."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.programs import best_by_outline, build_solid, outline_iou, runs, solid_ious, usual_program
from utils.training.recipes.cad_scenes import training_scenes
from utils.world import HELD_OUT_PAIRS, render_pictures, render_programs, sample_scenes

BALL, CUBE, BROKEN = "add sphere 8 8 16 6.5", "add box 8 8 16 5.5 5.5 5.5", "add sphere 8 8"


def test_a_program_that_does_not_run_builds_nothing_and_scores_nothing():
    assert build_solid(BROKEN) is None
    assert runs([BALL, BROKEN, "", "<mask> box 1"]).tolist() == [1, 0, 0, 0]
    assert solid_ious([BALL, BROKEN], [BALL, BALL]).tolist() == [1, 0]
    assert outline_iou(BROKEN, render_pictures(sample_scenes(1, seed=0))[0]) == 0


def test_programs_are_compared_by_what_they_build_and_not_word_for_word():
    one, other = f"{BALL}\nadd box 24 24 16 4 4 4", f"add box 24 24 16 4 4 4\n{BALL}"
    assert solid_ious([one, CUBE], [other, BALL]).tolist() == pytest.approx([1, 0.7], abs=0.15)


def test_the_best_try_is_the_one_that_looks_like_the_picture():
    scenes = sample_scenes(5, seed=3)
    true, wrong = render_programs(scenes), render_programs(sample_scenes(5, seed=4))
    pictures = render_pictures(scenes)
    assert best_by_outline([wrong, [BROKEN] * 5, true], pictures) == true
    assert best_by_outline([wrong], pictures) == wrong
    with pytest.raises(ValueError, match="shorter"):
        best_by_outline([true[:3]], pictures)


def test_the_usual_program_is_the_one_that_is_most_like_all_others():
    far = "add box 24 24 16 4 4 4"
    assert usual_program([far, BALL, CUBE, BALL]) == BALL


def test_the_checkpoint_is_trained_on_pairs_of_the_seen_split_only():
    pairs = {(thing.shape, thing.colour) for scene in training_scenes(2000) for thing in scene.things}
    assert not pairs & set(HELD_OUT_PAIRS)
    assert torch.equal(training_scenes(3).x, training_scenes(2000).x[:3])
