"""Dense against sparse: equal active parameters, tasks that test what they say, and scores that count whole texts."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.expert_sweep import (
    EXPERTS,
    WAYS,
    begin,
    descriptions,
    inventory,
    inventory_numbers,
    logits,
    score,
    score_after,
    sweep_loss,
)
from utils.models.blocks import count_parameters
from utils.models.moe import active_parameters, mixtures
from utils.training.answering import eyes
from utils.training.loop import overfit
from utils.world import HELD_OUT_PAIRS, NUMBERS, VOCABULARY, sample_scenes


@pytest.fixture(scope="module")
def vision():
    return eyes()


def test_a_token_meets_equally_many_parameters_and_the_sparse_model_has_more(vision):
    dense, sparse = (begin(way, vision, seed=0).language for way in WAYS)
    router, biases = count_parameters(mixtures(sparse)[0].router), dense.config.width
    assert active_parameters(sparse) == active_parameters(dense) + router + biases
    assert count_parameters(sparse) > 2.5 * count_parameters(dense)
    assert len(mixtures(sparse)[0].experts) == EXPERTS


def test_an_inventory_number_has_three_digits_and_says_nothing_of_the_picture(vision):
    scenes = sample_scenes(200, seed=1)
    numbers = inventory_numbers(scenes)
    assert numbers == inventory_numbers(sample_scenes(200, seed=2))
    assert {len(number.split()) for number in numbers} == {3}
    assert {word for number in numbers for word in number.split()} == set(NUMBERS)
    task = inventory(vision, 20)
    assert task.test[0] is task.tokens
    assert task.learnt.sum(dim=1).tolist() == [4] * 20  # three digits and <end>


def test_descriptions_are_tested_on_pairs_that_training_does_not_show(vision):
    task = descriptions(vision, 300)
    pairs = {(VOCABULARY.index(shape), VOCABULARY.index(colour)) for shape, colour in HELD_OUT_PAIRS}

    def shown(tokens):
        return {pair for row in tokens.tolist() for pair in pairs if set(pair) <= set(row)}

    assert not shown(task.tokens)
    assert shown(task.test[0]) == pairs


def test_a_score_counts_the_texts_that_are_right_to_the_last_word(vision):
    task = inventory(vision, 6)
    model = begin("dense", vision, seed=0)
    said = logits(model, task.tokens, task.features).argmax(dim=-1)[:, :-1]
    wanted = torch.where(task.learnt[:, 1:], task.tokens[:, 1:], said)
    assert score(model, task) == (said == wanted).all(dim=1).float().mean().item()


@pytest.mark.parametrize("way", WAYS)
def test_training_makes_the_loss_smaller_and_gives_a_share(vision, way):
    task, model = inventory(vision, 16), begin(way, vision, seed=0)
    rows = task.tokens, task.learnt, task.features
    history = overfit(model, rows, sweep_loss, steps=60)
    assert history.losses[-1] < 0.7 * history.losses[0]
    assert 0 <= score_after(task, way, vision, seed=0) <= 1
