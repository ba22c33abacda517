"""Who is routed where: shares by modality, how far these lie apart, and the busiest expert."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.routing import busiest, how_far_apart, shares_by_modality
from utils.models.moe import Routing
from utils.world.tokenizer import IMAGE, PAD

TOKENS = torch.tensor([[1, IMAGE, IMAGE, 7, 8, PAD]])


def routing(*chosen, experts=4):
    chosen = torch.tensor(chosen)
    return Routing(chosen, torch.ones(chosen.shape), torch.full((len(chosen), experts), 1 / experts))


def test_each_modality_is_shared_out_over_the_experts_and_padding_is_left_out():
    shares = shares_by_modality(routing([2, 3], [0, 1], [0, 1], [2, 3], [2, 3], [0, 0]), TOKENS)
    assert shares["image"].tolist() == [0.5, 0.5, 0, 0]
    assert shares["text"].tolist() == [0, 0, 0.5, 0.5]


def test_apart_is_1_if_no_expert_serves_both_and_0_if_both_are_sent_alike():
    apart = routing([2, 3], [0, 1], [0, 1], [2, 3], [2, 3], [0, 0])
    alike = routing(*[[0, 1]] * 6)
    assert how_far_apart(shares_by_modality(apart, TOKENS)) == pytest.approx(1)
    assert how_far_apart(shares_by_modality(alike, TOKENS)) == pytest.approx(0)


def test_the_busiest_expert_is_told_by_its_share_of_the_choices():
    assert busiest(routing([0], [0], [0], [1])) == pytest.approx(0.75)
    assert busiest(routing([0], [0], [0], [1]), torch.tensor([False, False, True, True])) == pytest.approx(0.5)
