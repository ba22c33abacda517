"""Instruction data of equal size from three sources, exams on pairs and wordings that no source shows, and stage 2."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.instruction_sweep import (
    COPIES,
    EXAMS,
    SIZES,
    SOURCES,
    collect,
    exam,
    follows,
    rows_of,
    tune,
)
from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.world import HELD_OUT_PAIRS, VOCABULARY
from utils.world.instructions import WORDINGS, reword


@pytest.fixture(scope="module")
def llava():
    torch.manual_seed(0)
    return LLaVA(
        LLaVAConfig(
            vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, clip_style=True),
            language=GPTConfig(vocabulary=len(VOCABULARY), length=40, width=24, depth=1, heads=2, hidden=48),
            merge=2,
        )
    ).eval()


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_as_many_instructions_about_pictures_that_are_there(source):
    data = collect(source, 64, seed=1)
    assert len(data) == 64
    assert data.asked.scene.max() < len(data.pictures)
    shown = {tuple(sorted(pair)) for pair in HELD_OUT_PAIRS}
    for question, answer in zip(data.asked.questions, data.asked.answers, strict=True):
        words = set(question.split()) | set(answer.split())
        assert not any(set(pair) <= words for pair in shown)


def test_augmentation_has_fewer_pictures_and_annotation_one_for_each_instruction():
    assert len(collect("annotated", 64, seed=1).pictures) == 64
    assert len(collect("augmented", 64, seed=1).pictures) == 2 * 64 // COPIES


def test_the_small_sizes_are_what_augmentation_makes_the_large_ones_of():
    assert {size // COPIES for size in SIZES} & set(SIZES)


@pytest.mark.parametrize(
    ("source", "number", "message"),
    [("bought", 64, "annotated, synthesised, augmented"), ("annotated", 60, "multiple")],
)
def test_another_source_and_another_number_are_refused(source, number, message):
    with pytest.raises(ValueError, match=message):
        collect(source, number, seed=0)


def test_an_exam_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="known wording, new wording, places"):
        exam("old wording")


def test_new_wordings_ask_the_same_and_are_in_no_source():
    known, new = (exam(name, 60).asked for name in EXAMS[:2])
    assert known.answers == new.answers
    heard = {reword(question, wording) for question in known.questions for wording in WORDINGS}
    assert not heard & set(new.questions)


def test_places_are_asked_of_pictures_of_one_object():
    assert set(exam("places", 40).asked.kinds) == {"place"}


def test_only_keeps_the_marked_instructions_with_their_pictures():
    data = collect("annotated", 16, seed=2)
    kept = torch.arange(16) % 3 == 0
    some = data.only(kept)
    assert some.asked.questions == data.asked.questions[::3]
    assert some.asked.scene.tolist() == data.asked.scene[::3].tolist()
    assert len(some) == 6


def test_stage_two_teaches_a_copy_and_leaves_the_tower(llava):
    before = {name: tensor.clone() for name, tensor in llava.state_dict().items()}
    rows = rows_of(llava, collect("annotated", 16, seed=3))
    student, history = tune(llava, rows, seed=0, steps=250)
    assert history.losses[-1] < 0.7 * history.losses[0]
    assert all(torch.equal(before[name], tensor) for name, tensor in llava.state_dict().items())
    trained = {name for name, tensor in student.state_dict().items() if not torch.equal(before[name], tensor)}
    assert trained
    assert not any(name.startswith("vision.") for name in trained)
    assert follows(student, rows).mean() > follows(llava, rows).mean()


def test_a_batch_of_instructions_without_answers_gives_a_clear_error(llava):
    tokens, learnt, features = rows_of(llava, collect("annotated", 8, seed=4))
    with pytest.raises(ValueError, match="no token is left to learn"):
        tune(llava, (tokens, torch.zeros_like(learnt), features), seed=0, steps=1)
