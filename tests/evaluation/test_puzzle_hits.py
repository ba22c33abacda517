"""Measuring on puzzles: the conditions are what they say, and precomputed answers are those of the model."""

from __future__ import annotations

import itertools

import pytest
import torch

from utils.evaluation.puzzle_hits import (
    binding_hits,
    board_shares,
    chain_hits,
    chains_of,
    continuations,
    episodes_of,
    row_hits,
    word_shares,
)
from utils.models.gpt import GPTConfig
from utils.models.interleaved import InterleavedConfig, InterleavedGPT
from utils.world.puzzles import FORMS, chain_prompts, interleave, make_album
from utils.world.scenes import COLOURS
from utils.world.tokenizer import IMAGE, detokenize

WORDS = torch.tensor([30, 40])


def untrained(features: int) -> InterleavedGPT:
    torch.manual_seed(0)
    language = GPTConfig(vocabulary=IMAGE + 1, length=26, width=16, depth=1, heads=2, hidden=16)
    return InterleavedGPT(InterleavedConfig(features, language)).eval()


@pytest.fixture(scope="module")
def album():
    return make_album("held_out", 2, seed=1)


def random_features(album, width):
    return torch.randn(len(album.pictures), width, generator=torch.Generator().manual_seed(1))


def test_shuffled_labels_keep_pictures_words_and_question_and_how_often_each_is_said(album):
    true, shuffled = (episodes_of(album, 50, 4, seed=2, labels=labels) for labels in ("true", "shuffled"))
    assert torch.equal(true.pictures, shuffled.pictures)
    assert torch.equal(true.answer, shuffled.answer)
    assert (shuffled.which[:, :-1].sum(1) == 4).all()
    assert (true.which != shuffled.which).any(1).float().mean() > 0.9
    with pytest.raises(ValueError, match="labels must be true or shuffled"):
        episodes_of(album, 1, 1, seed=0, labels="false")


def test_an_untrained_model_is_at_chance(album):
    features = random_features(album, 6)
    hits = binding_hits(untrained(6), episodes_of(album, 1000, 2, seed=3), features)
    assert hits.mean().item() == pytest.approx(0.5, abs=0.06)
    assert chain_hits(untrained(12), *chains_of(album, 20, 3, seed=3), features).shape == (20,)
    for form in FORMS:
        assert row_hits(untrained(12), album, 20, form, features, seed=3).shape == (20,)


def test_the_board_holds_what_the_model_says_in_each_state():
    model = untrained(6)
    shots, asked = torch.randn(3, 6), torch.randn(2, 6)
    shares = board_shares(model, shots, asked, WORDS)
    assert shares.shape == (2, 27, 2)
    for index, state in enumerate(itertools.product(range(3), repeat=3)):
        kept = [i for i in range(3) if state[i] < 2]
        said = torch.tensor([[int(WORDS[state[i]]) for i in kept] + [0]])
        seen = torch.cat([shots[kept], asked[1:]])[None]
        direct = word_shares(model, interleave(said)[:, :-1], seen, WORDS[None])
        assert torch.allclose(shares[1, index], direct[0], atol=1e-6)


def test_after_its_own_step_the_model_goes_on_as_it_did(album):
    model = untrained(12)
    chains, depth = chains_of(album, 1, 3, seed=4)
    prompt, shown = chain_prompts(chains, depth), random_features(album, 6)[chains.tiles].flatten(2)
    found = continuations(model, prompt, shown, ["red", "blue"])
    assert [set(one) for one in found] == [set(COLOURS)] * 2
    assert all(isinstance(word, str) for one in found for after in one.values() for word in after)
    written = detokenize(model.generate(prompt, shown, 7)[0]).split()
    if written and written[0] in COLOURS:
        assert continuations(model, prompt, shown, written[:1])[0][written[0]] == written[1:]
