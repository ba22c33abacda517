"""Telling captions apart and finding pictures: what counts as a win, and what ranking anew can and cannot do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from utils.evaluation.held_out import cross_encoder_scenes, dual_encoder_scenes
from utils.evaluation.matching import (
    empty_pictures,
    every_pair,
    match_scores,
    matching_figures,
    of_five,
    reranked_hits,
    search_figures,
    wins,
    with_twins,
    without_eyes,
)
from utils.training.matching import caption_tokens
from utils.world import render_captions, render_pictures, sample_scenes, tokenize
from utils.world.captions import same_meaning
from utils.world.wrong_captions import WRONG_WAYS, matching_scenes


class Reads(nn.Module):
    """A model whose score is the first number of the first patch, times the sum of the tokens."""

    def forward(self, tokens, patches):
        return (patches[:, :1, 0] * tokens.sum(dim=1, keepdim=True)).float()


class BagOfWords(nn.Module):
    """A model that gives every order of the same words the same score."""

    def forward(self, tokens, patches):
        return tokens.sort(dim=1).values.double().pow(1.3).sum(dim=1, keepdim=True) + 0 * patches[:, :1, 0]


def test_a_tie_is_half_a_win():
    scores = torch.tensor([[1.0, 0.0, 1.0, 2.0, 0.5], [0.0, 0.0, 0.0, -1.0, 1.0]])
    assert {way: values.tolist() for way, values in wins(scores).items()} == dict(
        zip(WRONG_WAYS, [[1.0, 0.5], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0]], strict=True)
    )


def test_the_true_caption_of_five_is_the_first():
    scores = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.5], [0.0, 0.0, 0.0, 1.0, 0.5]])
    assert of_five(scores).tolist() == [1, 0]


def test_a_bag_of_words_is_at_a_coin_where_the_words_are_the_same():
    scenes = sample_scenes(40, seed=1, objects=(2, 2))
    found = wins(match_scores(BagOfWords(), caption_tokens(scenes, seed=1), torch.zeros(40, 16, 4)))
    assert found["things exchanged"].tolist() == [0.5] * 40


def test_every_pair_is_a_row_for_each_caption_and_a_column_for_each_picture():
    tokens = tokenize(["a red circle", "a blue star", "nothing"])
    patches = torch.arange(1.0, 5).view(4, 1, 1)
    torch.testing.assert_close(
        every_pair(Reads(), tokens, patches), tokens.sum(dim=1).float()[:, None] * torch.arange(1.0, 5)
    )


def test_twins_stand_behind_the_scenes_and_their_captions_are_wrong_of_them():
    scenes = sample_scenes(5, seed=2, objects=(2, 2))
    both = render_captions(with_twins(scenes))
    assert both[:5] == render_captions(scenes)
    assert not any(map(same_meaning, both[:5], both[5:]))


def test_without_eyes_a_caption_is_told_by_its_sound_alone():
    practice = caption_tokens(sample_scenes(300, seed=6, objects=(2, 2)), seed=6, pairs="seen")
    marked = practice.clone()
    marked[:, 0, 5] = 0  # true captions sound unlike all others
    assert without_eyes(marked, marked[:50]).mean() == 1
    scenes = matching_scenes(200, pairs="held_out", seed=7)
    assert without_eyes(practice, caption_tokens(scenes, seed=7)).mean() < 0.4  # a guess among five is 0.2


def test_ranking_anew_mends_the_order_and_finds_nothing_that_was_dropped():
    first = torch.tensor([[0.8, 0.9, 0.1], [0.9, 0.8, 0.7], [0.9, 0.8, 0.1]])
    second = torch.eye(3)
    assert reranked_hits(first, second, 1).tolist() == [False, False, False]
    assert reranked_hits(first, second, 2).tolist() == [True, True, False]
    assert reranked_hits(first, second, 3).tolist() == [True, True, True]


def test_an_empty_picture_is_all_ground():
    pictures = empty_pictures(2)
    assert pictures.shape == render_pictures(sample_scenes(2, seed=0)).shape
    assert (pictures == pictures[:, :, :1, :1]).all()


@pytest.mark.parametrize("held_out", [cross_encoder_scenes, dual_encoder_scenes])
def test_each_bar_has_its_figure_and_a_model_that_only_counts_words_reaches_none_of_them(held_out):
    bars, below = held_out.BARS, held_out.BELOW
    figures = matching_figures(BagOfWords(), bars, below, number=40) | search_figures(BagOfWords(), bars, below, sets=1)
    assert set(bars) == set(figures)
    for kind in ("things exchanged", "colours exchanged"):
        assert figures[f"beats {kind}"].value == 0.5
    assert {title for title, figure in figures.items() if figure.at_most} == below
    assert {title for title, figure in figures.items() if figure.met} <= below
    assert figures["true caption of five"].value == figures["true caption of five, exchanged pictures"].value
