"""Measuring readers of pictures: what is right, what is lost, and what stays bit for bit."""

from __future__ import annotations

import torch
from torch import nn

from utils.evaluation.held_out.plora_scenes import (
    blind_exam,
    lost,
    new_things,
    picture_exam,
    right,
    text_exams,
    unchanged,
)
from utils.models.picture_readers import SOFT_TOKENS
from utils.world import HELD_OUT_PAIRS, VOCABULARY
from utils.world.tokenizer import IMAGE

TOKENS = torch.tensor([[1, 5, 6, 2], [1, 5, 7, 2]])
LEARNT = torch.tensor([[False, False, True, True]] * 2)


class Says(nn.Module):
    """A model that is sure of the tokens it was given, for every text."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens = torch.tensor(tokens)

    def forward(self, tokens):
        following = torch.cat([self.tokens[:, 1:], self.tokens[:, -1:]], dim=1)
        return nn.functional.one_hot(following, 10).float()


def test_a_reply_is_right_if_all_its_words_are():
    assert right(Says([[1, 5, 6, 2], [1, 5, 6, 2]])(TOKENS), TOKENS, LEARNT).tolist() == [1, 0]


def test_what_is_only_read_does_not_count():
    assert right(Says([[1, 9, 6, 2], [1, 9, 7, 2]])(TOKENS), TOKENS, LEARNT).tolist() == [1, 1]


def test_lost_is_what_was_right_before_and_is_wrong_now():
    knows_all, knows_one = Says(TOKENS.tolist()), Says([[1, 5, 6, 2], [1, 5, 6, 2]])
    assert lost(knows_one, knows_all, (TOKENS, LEARNT)).tolist() == [0, 1]
    assert lost(knows_all, knows_one, (TOKENS, LEARNT)).tolist() == [0, 0]


def test_unchanged_tells_each_text_whose_logits_differ():
    assert unchanged(Says([[1, 5, 6, 2], [1, 5, 6, 2]]), Says(TOKENS.tolist()), (TOKENS, LEARNT)).tolist() == [1, 0]


def test_the_exam_shows_only_pairs_that_training_never_shows():
    scenes = new_things(50)
    assert {(scene.things[0].shape, scene.things[0].colour) for scene in scenes} <= set(HELD_OUT_PAIRS)


def test_pictures_stand_where_notes_stood_and_blind_texts_show_nothing():
    scenes = new_things(5)
    tokens, learnt = picture_exam(scenes)
    blind, blind_learnt = blind_exam(scenes)
    notes, asked = text_exams(scenes)["notes"]
    assert tokens.shape == blind.shape
    assert (tokens == IMAGE).sum(dim=1).tolist() == [SOFT_TOKENS] * 5
    assert torch.equal(blind == VOCABULARY.index("<mask>"), tokens == IMAGE)
    assert torch.equal(learnt, blind_learnt)
    assert torch.equal(tokens[learnt], notes[asked])
