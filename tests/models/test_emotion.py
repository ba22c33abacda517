"""The emotion model: what is missing is not added, and nothing else changes."""

from __future__ import annotations

import pytest
import torch

from utils.models.emotion import (
    SENSES,
    EmotionConfig,
    EmotionModel,
    clearest,
    draw_present,
    mixtures,
    read_moments,
)
from utils.world.moments import WORDS, sample_moments


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return EmotionModel(EmotionConfig(words=len(WORDS))).eval()


@pytest.fixture(scope="module")
def moments():
    return sample_moments(8, seed=0)


@pytest.fixture(scope="module")
def inputs(moments):
    return read_moments(moments)


def test_moments_are_read_as_the_model_takes_them(model, inputs):
    assert list(inputs) == list(SENSES)
    assert all(len(values) == 8 for values in inputs.values())
    assert model(inputs).shape == (8, 5)


def test_perturbed_voices_change_and_come_again_with_their_seed(moments, inputs):
    one, again, other = (read_moments(moments, perturbed=seed)["voice"] for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    assert one.shape == inputs["voice"].shape


@pytest.mark.parametrize("sense", SENSES)
def test_a_modality_that_is_not_there_counts_as_one_that_was_never_given(model, inputs, sense):
    others = {name: values for name, values in inputs.items() if name != sense}
    there = torch.tensor([name != sense for name in SENSES]).expand(8, -1)
    assert torch.allclose(model(inputs, there), model(others), atol=1e-6)


def test_the_order_of_the_modalities_does_not_matter(model, inputs):
    turned = dict(reversed(inputs.items()))
    assert torch.allclose(model(inputs), model(turned), atol=1e-6)


def test_padding_says_nothing(model, inputs):
    words = torch.nn.functional.pad(inputs["words"], (0, 5))
    assert torch.allclose(model({"words": inputs["words"]}), model({"words": words}))


def test_every_mixture_is_what_the_model_says_of_it(model, inputs):
    few = {sense: values[:3] for sense, values in inputs.items()}
    mixed = mixtures(model, few)
    assert mixed.shape == (4, 4, 4, 5)
    with torch.no_grad():
        all_three = model({"face": few["face"][2:3], "voice": few["voice"][:1], "words": few["words"][1:2]})
        voice = model({"voice": few["voice"][1:2]})
    assert torch.allclose(mixed[2, 0, 1], all_three[0].softmax(0), atol=1e-6)
    assert torch.allclose(mixed[3, 1, 3], voice[0].softmax(0), atol=1e-6)


def test_the_clearest_rows_are_of_their_emotion(model, inputs):
    emotion = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
    for rows in clearest(model, inputs, emotion).values():
        assert emotion[rows].tolist() == [0, 1, 2, 3, 4]


def test_each_sample_keeps_at_least_one_modality_and_as_many_as_asked():
    torch.manual_seed(0)
    there = draw_present(4000, 0.6)
    assert there.any(dim=1).all()
    assert 0.6 <= there.float().mean() <= 0.75
    assert draw_present(4000, 0.0).sum(dim=1).eq(1).all()
    assert draw_present(5, 1.0, senses=1).all()


def test_a_specialist_has_one_encoder_and_refuses_the_rest(inputs):
    specialist = EmotionModel(EmotionConfig(words=len(WORDS), senses=("voice",)))
    assert list(specialist.encoders) == ["voice"]
    with pytest.raises(ValueError, match="at least one of voice, and not face"):
        specialist({"face": inputs["face"]})


def test_nothing_to_judge_by_and_unknown_senses_are_refused(model):
    with pytest.raises(ValueError, match="at least one of face, voice, words, and not nothing"):
        model({})
    with pytest.raises(ValueError, match="senses are some of"):
        EmotionModel(EmotionConfig(words=3, senses=("smell",)))
