"""The two LLaVAs of lesson 3.3's masks differ in nothing but the mask, and their stored figures tell them apart."""

from __future__ import annotations

import json

import pytest
import torch

from utils.evaluation import mask_sweep
from utils.evaluation.answering import exam
from utils.evaluation.mask_sweep import (
    MASKS,
    PLACES,
    SEEDS,
    answered,
    begin,
    learn,
    lessons_with_words,
    logits_of,
    stored_masks,
)
from utils.training.answering import BATCH, lessons, training_questions
from utils.training.families import question_tokens
from utils.training.stages import fingerprint
from utils.world import KINDS, VOCABULARY
from utils.world.tokenizer import END, IMAGE, PAD

FEW = 200


@pytest.fixture(scope="module")
def test():
    return exam(40)


def test_the_prompt_is_a_picture_and_a_question_and_only_the_answer_is_to_be_written():
    asked = training_questions(FEW)
    tokens, learnt = question_tokens(asked, PLACES)
    for row, flags, question, answer in zip(tokens, learnt, asked.questions, asked.answers, strict=True):
        assert " ".join(VOCABULARY[i] for i in row[flags].tolist() if i != END) == answer
        words = [VOCABULARY[i] for i in row[~flags].tolist() if i not in (END, IMAGE, PAD)]
        assert " ".join(words[1:]) == question
        assert (row == IMAGE).sum() == 4


def test_only_questions_that_speak_of_no_colour_are_asked_about_mixed_colours():
    given, asked = lessons(FEW), training_questions(FEW)
    tokens, _ = question_tokens(asked, PLACES)
    mixed = 0
    for some, _, quarters in lessons_with_words(given, asked, seed=0, steps=3):
        assert len(some) == BATCH
        for row, seen in zip(some, quarters, strict=True):
            numbers = (tokens == row).all(dim=1).nonzero().flatten()
            as_they_are = (given.seen[given.scene[numbers]] == seen).all(dim=(1, 2)).any()
            if not as_they_are:
                mixed += 1
                assert given.colourless[numbers].all()
    assert 0 < mixed < 3 * BATCH / 2


def test_both_begin_alike_and_only_what_is_behind_the_tower_learns(test):
    models = [begin(0) for _ in MASKS]
    before = fingerprint(models[0])
    assert before == fingerprint(models[1])
    tower = fingerprint(models[0].vision)
    for model, prefix in zip(models, MASKS.values(), strict=True):
        learn(model, lessons(FEW), training_questions(FEW), prefix=prefix, seed=0, steps=2)
        assert fingerprint(model.vision) == tower
    assert fingerprint(models[0]) != fingerprint(models[1]) != before
    found = answered(models[1], test, prefix=True)
    assert found.shape == (len(test.asked),)
    assert set(found.tolist()) <= {0.0, 1.0}


def test_a_square_is_changed_by_the_question_only_in_a_prefix(test):
    model = begin(0).eval()
    tokens, learnt = question_tokens(test.asked, PLACES)
    rows, quarters = (
        [0, next(i for i, kind in enumerate(test.asked.kinds) if kind != test.asked.kinds[0])],
        test.quarters,
    )
    for prefix in MASKS.values():
        with torch.no_grad():
            logits = logits_of(model, tokens[rows], learnt[rows], quarters[[0, 0]], prefix)
        assert torch.equal(logits[0, 1:5], logits[1, 1:5]) != prefix


def test_the_stored_figures_have_all_kinds_and_seeds_and_the_masks_lie_apart():
    stored = stored_masks()
    assert list(stored) == list(MASKS)
    for kinds in stored.values():
        assert set(kinds) == {"all", *KINDS}
    assert stored["causal"]["all"].high + 0.1 < stored["prefix"]["all"].low
    assert len(SEEDS) == 2


def test_a_sweep_of_the_same_figures_leaves_its_file_as_it_is(tmp_path, monkeypatch):
    before = mask_sweep.FIGURES.read_bytes()
    monkeypatch.setattr(mask_sweep, "sweep", lambda: json.loads(before))
    monkeypatch.setattr(mask_sweep, "FIGURES", tmp_path / "figures.json")
    mask_sweep.main()
    assert mask_sweep.FIGURES.read_bytes() == before
