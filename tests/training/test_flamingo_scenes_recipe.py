"""What the recipe of lesson 3.4 shows to the language model, and to the whole."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from utils.models.flamingo import Flamingo, FlamingoConfig, ResamplerConfig
from utils.models.gpt import GPTConfig
from utils.models.vit import ViTConfig
from utils.training.recipes import flamingo_scenes
from utils.training.recipes.flamingo_scenes import RECIPE, build, examples, looking_step, train_language
from utils.world.tokenizer import IMAGE

CONFIG = FlamingoConfig(
    vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
    language=GPTConfig(vocabulary=IMAGE + 1, length=24, width=24, depth=2, heads=2, hidden=48),
    resampler=ResamplerConfig(latents=3, depth=1, heads=2, frames=4),
)


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setattr(flamingo_scenes, "EACH", 2)
    monkeypatch.setattr(flamingo_scenes, "FILMS", 2)
    torch.manual_seed(0)
    return Flamingo(CONFIG).eval()


def test_pictures_alone_then_among_words_then_videos_among_words(model):
    kinds = list(islice(examples(model, 0), 8))
    for turn, (tokens, features) in enumerate(kinds):
        markers = (tokens == IMAGE).sum(dim=1)
        assert tokens.shape == (48, 19)
        assert (markers == features.shape[1]).all()
        assert features.shape[2] == (4 if turn % 4 == 3 else 1), "frames"
        assert markers[0] == 9 if turn % 4 < 2 else 1 <= markers[0] <= 9
        assert looking_step(model, tokens, features).isfinite()
    assert min((tokens == IMAGE).sum(dim=1)[0] for tokens, _ in kinds) < 9


def test_the_same_seed_draws_the_same_examples(model):
    for (tokens, features), (again, same) in zip(islice(examples(model, 0), 4), examples(model, 0), strict=False):
        assert torch.equal(tokens, again)
        assert torch.equal(features, same)
    assert not torch.equal(next(examples(model, 0))[0], next(examples(model, 1))[0])


def test_the_language_model_begins_with_long_words_and_learns(monkeypatch):
    monkeypatch.setattr(flamingo_scenes, "TEXT_STEPS", 3)
    language, history = train_language(CONFIG.language, 0)
    assert len(history.losses) == 3
    assert 0.8 < language.embedding.weight.norm(dim=1).mean() < 1.2
    assert 0.8 < language.positions.norm(dim=1).mean() < 1.2


def test_the_recipe_builds_what_it_configures():
    from dataclasses import asdict

    model = build(asdict(RECIPE.config))
    assert model.config == RECIPE.config
    assert sum(parameter.numel() for parameter in model.parameters()) * 4 < 5e6, "bytes of a checkpoint"
