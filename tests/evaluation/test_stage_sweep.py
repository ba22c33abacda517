"""The ways of lesson 3.3 take equally many steps, and its exam asks about what no picture of training shows."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.held_out.two_stages import box_exam, boxes_right
from utils.evaluation.stage_sweep import WAYS, PictureExam, answered, examine, of_kind, picture_exam
from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training.recipes.two_stages import KINDS
from utils.world import HELD_OUT_PAIRS, VOCABULARY, render_pictures, sample_scenes
from utils.world.boxes import overlap


@pytest.fixture(scope="module")
def exam() -> PictureExam:
    return picture_exam(number=60)


@pytest.fixture(scope="module")
def model() -> LLaVA:
    torch.manual_seed(0)
    return LLaVA(
        LLaVAConfig(
            vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, clip_style=True),
            language=GPTConfig(vocabulary=len(VOCABULARY), length=72, width=24, depth=1, heads=2, hidden=48),
            merge=2,
        )
    ).eval()


def test_every_way_takes_as_many_steps_as_both_stages():
    assert len({sum(steps for *_, steps in way) for way in WAYS.values()}) == 1
    assert WAYS["two stages"][0][1] == ("projector",)
    assert "language" in WAYS["unfrozen early"][0][1]
    assert "vision" in WAYS["no pretrained tower"][0][1]


def test_the_exam_is_about_held_out_pairs_and_holds_every_kind(exam):
    assert {(thing.shape, thing.colour) for scene in exam.scenes for thing in scene.things} <= set(HELD_OUT_PAIRS)
    assert len(exam.pictures) == len(exam.asked)
    assert all(of_kind(exam, kind).any() for kind in KINDS)
    assert sum(of_kind(exam, kind).sum() for kind in KINDS) == len(exam.asked)


def test_figures_are_shares_and_all_is_the_mean_over_the_kinds(model, exam):
    figures = examine(model, exam)
    assert set(figures) == {*KINDS, "all", "shuffled", "blank", "captions", "in words"}
    assert all(0 <= share <= 1 for share in figures.values())
    weights = {kind: of_kind(exam, kind).float().mean().item() for kind in KINDS}
    assert figures["all"] == pytest.approx(sum(weights[kind] * figures[kind] for kind in KINDS), abs=1e-3)
    assert figures["all"] == pytest.approx(answered(model, exam).mean().item(), abs=1e-4)


def test_a_box_is_asked_of_a_thing_and_words_that_are_none_are_wrong(model):
    scenes = sample_scenes(12, seed=3, pairs="held_out")
    questions, wanted, about = box_exam(scenes, 3)
    assert all(question.startswith("where is the") for question in questions)
    for box, i in zip(wanted, about.tolist(), strict=True):
        assert box[2] - box[0] in (9, 13)
        assert 0 <= i < len(scenes)
        assert overlap(box, box) == 1
    found = boxes_right(model, questions, wanted, render_pictures(scenes)[about])
    assert not found.any(), "an untrained model writes no box that fits"
