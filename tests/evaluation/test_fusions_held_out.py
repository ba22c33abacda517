"""Measuring fusions: pairs never seen, true and wrong pictures, and a model whose weights never arrived."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.answering import by_words_alone, conditions, exam, measure_answers, nothing_seen, right
from utils.evaluation.fusion_clinic import PATCHES, WORDS, SharesAmongHeads, patient, shares_of
from utils.evaluation.fusion_sweep import WORDS_ALONE, by_kind, stored_sweep
from utils.training.answering import WAYS, begin
from utils.world import KINDS
from utils.world.scenes import SPLITS


@pytest.fixture(scope="module")
def small():
    return exam(60)


def test_the_exam_holds_only_pairs_that_are_held_out(small):
    seen = [f" {colour} {shape} " for shape, colour in SPLITS["seen"]]
    assert not [q for q in small.asked.questions for pair in seen if pair in f" {q} "]
    assert len(small.tokens) == len(small.quarters) == len(small.asked)
    assert sum(int(small.of(kind).sum()) for kind in KINDS) == len(small.asked)


def test_an_answer_is_right_or_wrong_and_depends_on_the_picture_it_is_given(small):
    model = begin("early").eval()
    with torch.no_grad():
        said = model(small.tokens, small.quarters).argmax(dim=1)
    assert torch.equal(right(model, small), (said == small.asked.labels).float())
    assert set(conditions(model, small)) == {"true", "shuffled", "blank"}
    assert torch.equal(conditions(model, small)["true"], right(model, small, small.quarters))
    assert nothing_seen().shape == small.quarters.shape[1:]


def test_words_alone_are_better_than_nothing_and_far_from_right(small):
    assert 0.2 < by_words_alone(small).mean() < 0.7


def test_an_untrained_model_does_not_pass_for_a_trained_one():
    figures = measure_answers(begin("ViLBERT").eval(), 0.8, dict.fromkeys(KINDS, 0.8))
    assert not figures["answers held_out"].met
    assert {f"answers held_out, {kind}" for kind in KINDS} < set(figures)


def test_scores_are_the_mean_over_runs_for_all_questions_and_by_kind(small):
    runs = torch.stack([torch.ones(len(small.asked)), torch.zeros(len(small.asked))])
    assert {kind: found.mean for kind, found in by_kind(runs, small).items()} == dict.fromkeys(["all", *KINDS], 0.5)


def test_the_stored_sweep_knows_all_ways_pictures_and_kinds():
    sweep = stored_sweep()
    assert set(sweep) == {*WAYS, WORDS_ALONE}
    for way in WAYS:
        assert set(sweep[way]) == {"true", "shuffled", "blank"}
        for found in sweep[way].values():
            assert set(found) == {"all", *KINDS}
            assert all(0 <= value.low <= value.mean <= value.high <= 1 for value in found.values())


def test_the_patient_has_the_weights_of_the_healthy_model_and_shares_out_over_heads(small):
    model = begin("ViLBERT", seed=1).eval()
    sick = patient(model)
    assert all(torch.equal(weights, sick.state_dict()[name]) for name, weights in model.state_dict().items())
    healthy, shares = (shares_of(each, small.tokens, small.quarters) for each in (model, sick))
    assert healthy.shape == shares.shape
    assert torch.allclose(healthy.sum(dim=2), torch.tensor(1.0), atol=1e-5)
    assert torch.allclose(shares.sum(dim=3), torch.tensor(1.0), atol=1e-5)
    assert (shares.sum(dim=2) - 1).abs().max() > 1e-3


def test_the_patient_differs_from_the_healthy_model_in_its_axis_alone(small):
    model = begin("ViLBERT", seed=1).eval()
    attention = patient(model).layers[0].words_to_patches.attention
    attention.shares = lambda x, context: attention.weights(x, context).permute(0, 2, 3, 1)
    with torch.no_grad():
        words, patches = model.streams(small.tokens, small.quarters)
        everything = torch.ones(patches.shape[:2], dtype=torch.bool)
        mended = attention(words, patches, everything)
        assert torch.allclose(mended, model.layers[0].words_to_patches.attention(words, patches), atol=1e-5)


@pytest.mark.parametrize("half", [WORDS, PATCHES])
def test_the_fault_sits_in_one_half_and_changes_what_is_said(half, small):
    model = begin("ViLBERT", seed=1).eval()
    sick = patient(model, half)
    parts = {name for name, part in sick.layers[0].named_modules() if isinstance(part, SharesAmongHeads)}
    assert parts == {f"{half}.attention"}
    with torch.no_grad():
        healthy, wrong = (each(small.tokens, small.quarters) for each in (model, sick))
    assert not torch.allclose(healthy, wrong, atol=1e-3)
