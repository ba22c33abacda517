"""A model is grounded only if the true second modality, and nothing else, makes it good."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.evaluation import NotGroundedError, derangement, grounding

NUMBER = 200
PICTURES = torch.nn.functional.one_hot(torch.arange(NUMBER) % 8, 8).float() + 0.01 * torch.randn(
    NUMBER, 8, generator=torch.Generator().manual_seed(0)
)
ANSWERS = torch.arange(NUMBER) % 8
CHANCE = (torch.arange(NUMBER) % 8 == 0).float()


def sees(pictures):
    return (pictures.argmax(1) == ANSWERS).float()


def right_anyway(pictures):
    """A model that has found the answers elsewhere, in the question say."""
    return (torch.rand(len(pictures), generator=torch.Generator().manual_seed(1)) < 0.95).float()


def guesses(pictures):
    return CHANCE


def measured(score, **changes):
    arguments = {"modality": "picture", "baseline": CHANCE, "bar": 0.9}
    return grounding(score, PICTURES, **{**arguments, **changes})


def test_a_model_that_looks_is_grounded(capsys):
    result = measured(sees)
    assert result.holds
    result.show()
    assert capsys.readouterr().out.splitlines()[-1] == "grounded: the picture matters"


@pytest.mark.parametrize("score", [right_anyway, guesses])
def test_a_model_that_ignores_the_modality_is_refused(score):
    result = measured(score)
    assert not result.holds
    with pytest.raises(NotGroundedError):
        result.show()


def test_the_refusal_says_which_of_the_two_failed(capsys):
    with pytest.raises(NotGroundedError, match="does not depend as it should on the picture"):
        measured(right_anyway).show()
    with pytest.raises(NotGroundedError, match="misses its bar with the true picture"):
        measured(guesses).show()


def test_a_baseline_as_good_as_the_model_is_refused():
    result = measured(sees, baseline=torch.ones(NUMBER))
    assert not result.holds
    with pytest.raises(NotGroundedError, match="does not depend"):
        result.show()


def test_a_model_that_does_as_well_with_nothing_to_see_is_refused():
    def knows_blanks(pictures):
        return torch.ones(NUMBER) if (pictures == pictures[0]).all() else sees(pictures)

    result = measured(knows_blanks)
    assert result.scores["shuffled"].mean < 0.3
    assert not result.holds


def test_no_condition_may_reach_the_bar_even_if_the_true_one_is_better_still(capsys):
    """Or the line would print "0.95, at most 0.90" as if all were well."""
    almost = torch.ones(NUMBER)
    almost[: NUMBER // 20] = 0
    result = measured(sees, baseline=almost)
    assert result.scores["text-only baseline"].high < result.scores["true"].low
    assert not result.holds
    with pytest.raises(NotGroundedError):
        result.show()
    assert "text-only baseline 0.95, at most 0.90: NOT below" in capsys.readouterr().out


def test_scores_that_are_no_numbers_ground_nothing():
    assert not measured(lambda pictures: torch.full((NUMBER,), torch.nan)).holds
    assert not measured(sees, baseline=torch.full((NUMBER,), torch.nan)).holds


def test_the_table_has_a_line_a_condition_that_checking_can_mask(capsys):
    from utils.publishing.verdicts import mask_measured

    measured(sees).show()
    assert mask_measured(capsys.readouterr().out).splitlines() == [
        "true picture <measured>, bar 0.90: met",
        "shuffled picture <measured>, at most 0.90: below the true one",
        "blank picture <measured>, at most 0.90: below the true one",
        "text-only baseline <measured>, at most 0.90: below the true one",
        "grounded: the picture matters",
    ]


def test_each_condition_is_what_its_name_says():
    given_to_model = []
    grounding(
        lambda second: given_to_model.append(second.clone()) or torch.ones(len(second)),
        PICTURES,
        modality="picture",
        baseline=CHANCE,
        bar=0.9,
    )
    true, shuffled, blank = given_to_model
    assert torch.equal(true, PICTURES)
    assert not (shuffled == PICTURES).all(1).any()
    assert torch.equal(shuffled.sort(0).values, PICTURES.sort(0).values)
    assert torch.equal(blank, PICTURES.mean(0).expand_as(PICTURES))


def test_a_blank_of_your_own_is_used_for_every_sample():
    seen = []
    measured(lambda second: seen.append(second) or torch.ones(NUMBER), blank=torch.full((8,), 7.0))
    assert (seen[2] == 7).all()


def test_pictures_of_bytes_stay_bytes():
    kinds = []
    pictures = torch.randint(0, 256, (10, 3, 4, 4), dtype=torch.uint8)
    grounding(
        lambda second: kinds.append((second.dtype, second.shape)) or torch.ones(10),
        pictures,
        modality="picture",
        baseline=torch.zeros(10),
        bar=0.5,
    )
    assert kinds == [(torch.uint8, pictures.shape)] * 3


@pytest.mark.parametrize("number", [0, 1])
def test_too_few_samples_to_shuffle_are_refused(number):
    with pytest.raises(ValueError, match="at least two"):
        grounding(torch.ones_like, torch.ones(number), modality="sound", baseline=torch.ones(number), bar=0.5)


def test_a_score_that_is_not_one_number_a_sample_is_refused():
    with pytest.raises(ValueError, match=re.escape("one number a sample, [200], not [200, 8]")):
        measured(lambda pictures: pictures)


def test_a_baseline_for_other_samples_is_refused():
    with pytest.raises(ValueError, match=re.escape("baseline must hold one number a sample, [200], not [3]")):
        measured(sees, baseline=torch.zeros(3))


@given(number=st.integers(2, 60), seed=st.integers(0, 2**32 - 1))
def test_a_derangement_leaves_no_sample_its_own_and_loses_none(number, seed):
    order = derangement(number, seed)
    assert sorted(order.tolist()) == list(range(number))
    assert (order != torch.arange(number)).all()
    assert torch.equal(order, derangement(number, seed))


def test_another_seed_gives_another_derangement():
    assert len({tuple(derangement(20, seed).tolist()) for seed in range(10)}) == 10
