"""Measuring a language model word for word: a model that copies, and one that says always the same."""

from __future__ import annotations

import torch

from utils.evaluation.held_out.gpt_scenes import free_captions, other_documents, right, written
from utils.models.gpt import GPT, GPTConfig
from utils.world.tokenizer import END, VOCABULARY

RED = VOCABULARY.index("red")


class AlwaysRed:
    """A model that replies "red" to everything."""

    def generate(self, prompt, max_new, **_):
        return torch.tensor([[RED, END] + [0] * (max_new - 2)] * len(prompt))


TEXTS = [
    ("a red ring in the top left", "what colour is the ring", "red"),
    ("a blue star in the top left", "what colour is the star", "blue"),
    ("a red star in the top left", "what is there", "red star"),
]


def test_a_reply_is_right_word_for_word():
    assert written(AlwaysRed(), [text[:2] for text in TEXTS]) == ["red"] * 3
    assert right(AlwaysRed(), TEXTS).tolist() == [1, 0, 0]


def test_other_documents_leave_questions_and_answers_in_place():
    exchanged = other_documents(TEXTS)
    assert all(one[0] != other[0] for one, other in zip(exchanged, TEXTS, strict=True))
    assert {text[0] for text in exchanged} == {text[0] for text in TEXTS}
    assert [text[1:] for text in exchanged] == [text[1:] for text in TEXTS]


def test_free_writing_is_drawn_by_its_seed():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocabulary=len(VOCABULARY), length=32, width=16, depth=1, heads=2, hidden=32))
    assert free_captions(model, 3, seed=1) == free_captions(model, 3, seed=1) != free_captions(model, 3, seed=2)
