"""Five fusions on one budget: equal sizes and data, nothing held out in it, and no colour asked of mixed pictures."""

from __future__ import annotations

import pytest
import torch

from utils.models.blocks import count_parameters
from utils.training.answering import (
    BATCH,
    CONFIGS,
    WAYS,
    answer_loss,
    begin,
    lessons,
    look,
    question_batches,
    speak_of_no_colour,
    training_questions,
)
from utils.training.loop import overfit
from utils.world import ANSWERS, COLOURS, HELD_OUT_PAIRS, ask, render_pictures, sample_scenes


@pytest.fixture(scope="module")
def given():
    return lessons(40)


def test_all_five_have_about_as_many_parameters():
    sizes = [count_parameters(begin(way)) for way in WAYS]
    assert max(sizes) < 1.1 * min(sizes)


@pytest.mark.parametrize("way", WAYS)
def test_each_learns_a_batch_by_heart(way, given):
    tokens, quarters, labels = next(question_batches(given, seed=0, steps=1))
    batch = tokens[:24], quarters[:24], labels[:24]
    history = overfit(begin(way), batch, answer_loss, steps=60)
    assert history.losses[0] == pytest.approx(torch.tensor(len(ANSWERS)).log().item(), abs=1.0)
    assert history.losses[-1] < 0.3


def test_a_seed_gives_one_model_and_one_order_of_questions(given):
    one, other = (begin("early", seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    first, again = (list(question_batches(given, seed=5, steps=3)) for _ in range(2))
    assert all(torch.equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True))
    assert {len(tokens) for tokens, _, _ in first} <= {BATCH, len(given.labels) % BATCH}


def test_questions_of_training_name_no_pair_that_is_held_out():
    texts = [f" {question} " for question in training_questions(200).questions]
    assert not [text for text in texts for shape, colour in HELD_OUT_PAIRS if f" {colour} {shape} " in text]


def test_a_question_speaks_of_no_colour_if_neither_it_nor_its_answer_does():
    asked = ask(sample_scenes(80, seed=1), seed=1, each=4)
    for question, answer, free in zip(asked.questions, asked.answers, speak_of_no_colour(asked).tolist(), strict=True):
        assert free == (not any(word in f"{question} {answer}".split() for word in (*COLOURS, "colour")))


def test_only_questions_that_speak_of_no_colour_have_mixed_ones(given):
    mixed = 0
    for tokens, quarters, _ in question_batches(given, seed=0, steps=4):
        for row, seen in zip(tokens, quarters, strict=True):
            (places,) = (given.tokens == row).all(dim=1).nonzero(as_tuple=True)
            if not any(torch.equal(given.seen[given.scene[i]], seen) for i in places):
                assert any(given.colourless[i] and torch.equal(given.mixed[given.scene[i]], seen) for i in places)
                mixed += 1
    assert 0.1 < mixed / (4 * BATCH) < 0.4


def test_a_quarter_has_one_vector():
    quarters = look(render_pictures(sample_scenes(3, seed=0)))
    assert quarters.shape == (3, 4, CONFIGS["early"].picture_width)
