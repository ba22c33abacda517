"""Measuring fusions: pairs never seen, true and wrong pictures, and a model whose weights never arrived."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.answering import by_words_alone, conditions, exam, measure_answers, nothing_seen, right
from utils.evaluation.fusion_clinic import PREFIX, boxed, numbers_arrived, patient, unboxed
from utils.evaluation.fusion_sweep import WORDS_ALONE, by_kind, stored_sweep
from utils.training.answering import WAYS, begin
from utils.world import KINDS, SPLITS


@pytest.fixture(scope="module")
def test():
    return exam(60)


def test_the_exam_holds_only_pairs_that_are_held_out(test):
    seen = [f" {colour} {shape} " for shape, colour in SPLITS["seen"]]
    assert not [q for q in test.asked.questions for pair in seen if pair in f" {q} "]
    assert len(test.tokens) == len(test.quarters) == len(test.asked)
    assert sum(int(test.of(kind).sum()) for kind in KINDS) == len(test.asked)


def test_an_answer_is_right_or_wrong_and_depends_on_the_picture_it_is_given(test):
    model = begin("early").eval()
    with torch.no_grad():
        said = model(test.tokens, test.quarters).argmax(dim=1)
    assert torch.equal(right(model, test), (said == test.asked.labels).float())
    assert set(conditions(model, test)) == {"true", "shuffled", "blank"}
    assert torch.equal(conditions(model, test)["true"], right(model, test, test.quarters))
    assert nothing_seen().shape == test.quarters.shape[1:]


def test_words_alone_are_better_than_nothing_and_far_from_right(test):
    assert 0.2 < by_words_alone(test).mean() < 0.7


def test_an_untrained_model_does_not_pass_for_a_trained_one():
    figures = measure_answers(begin("ViLBERT").eval(), 0.8, dict.fromkeys(KINDS, 0.8))
    assert not figures["answers held_out"].met
    assert {f"answers held_out, {kind}" for kind in KINDS} < set(figures)


def test_scores_are_the_mean_over_runs_for_all_questions_and_by_kind(test):
    runs = torch.stack([torch.ones(len(test.asked)), torch.zeros(len(test.asked))])
    assert {kind: found.mean for kind, found in by_kind(runs, test).items()} == dict.fromkeys(["all", *KINDS], 0.5)


def test_the_stored_sweep_knows_all_ways_pictures_and_kinds():
    sweep = stored_sweep()
    assert set(sweep) == {*WAYS, WORDS_ALONE}
    for way in WAYS:
        assert set(sweep[way]) == {"true", "shuffled", "blank"}
        for found in sweep[way].values():
            assert set(found) == {"all", *KINDS}
            assert all(0 <= value.low <= value.mean <= value.high <= 1 for value in found.values())


def test_in_the_patient_just_the_layers_of_both_streams_never_arrived():
    model = begin("ViLBERT", seed=1)
    torch.manual_seed(0)
    for parameter in model.parameters():  # also those that begin as zeros and ones
        torch.nn.init.normal_(parameter)
    arrived = numbers_arrived(patient(model), model.state_dict())
    assert arrived.pop("layers") == 0
    assert set(arrived.values()) == {1.0}
    assert all(name.startswith(PREFIX) for name in boxed(model))
    assert {"words.words.weight", "ayers.0.words_to_patches.norm_1.bias"} < set(unboxed(boxed(model)))
