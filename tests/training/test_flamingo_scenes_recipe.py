"""What the recipe of lesson 3.4 shows to the language model, and to the whole."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from utils.models.flamingo import Flamingo, FlamingoConfig, ResamplerConfig
from utils.models.gpt import GPTConfig
from utils.models.reader import UNASKED
from utils.models.vit import ViTConfig
from utils.training.recipes import flamingo_scenes
from utils.training.recipes.flamingo_scenes import (
    RECIPE,
    Asking,
    asking_step,
    build,
    examples,
    fair_episodes,
    film_answers,
    keep_features,
    looking_step,
    picture_answers,
    teach_resampler,
    train_language,
    without_colour,
)
from utils.world.naming import make_films
from utils.world.puzzles import binding_episodes, make_album
from utils.world.scenes import COLOURS, PAIRS, SEEN_PAIRS, SHAPES
from utils.world.tokenizer import IMAGE

CONFIG = FlamingoConfig(
    vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
    language=GPTConfig(vocabulary=IMAGE + 1, length=24, width=24, depth=2, heads=2, hidden=48),
    resampler=ResamplerConfig(latents=3, depth=1, heads=2, frames=4),
)


@pytest.fixture(scope="module")
def shown():
    """A small model, an album and films, and the features of pictures, of pictures with mixed colours, and of videos.

    Those with mixed colours are all -1, to be told by.
    """
    torch.manual_seed(0)
    model, album, films = Flamingo(CONFIG).eval(), make_album("seen", 2, seed=1), make_films("seen", 8, seed=1)
    pictures = keep_features(model, album.pictures)
    return model, album, films, pictures, torch.full_like(pictures, -1), keep_features(model, films.videos)


def test_told_in_words_first_then_pictures_alone_and_among_words_and_videos_among_words(shown, monkeypatch):
    monkeypatch.setattr(flamingo_scenes, "TOLD_STEPS", 6)
    model, *data = shown
    kinds = list(islice(examples(*data, 0), 12))
    for turn, (tokens, features) in enumerate(kinds):
        markers, alone = (tokens == IMAGE).sum(dim=1), turn in (6, 7, 10, 11)
        assert tokens.shape == (48, 19)
        assert (markers == features.shape[1]).all()
        assert features.shape[2] == (4 if turn in (2, 5, 9) else 1), "frames"
        assert markers[0] == 9 if alone else markers[0] == 5 if turn < 6 else 1 <= markers[0] <= 9
        assert looking_step(model, tokens, features).isfinite()


def test_colours_are_mixed_for_half_of_the_pictures_where_words_mean_shapes_and_nowhere_else(shown, monkeypatch):
    monkeypatch.setattr(flamingo_scenes, "TOLD_STEPS", 6)
    shares = [(features == -1).float().mean().item() for _, features in islice(examples(*shown[1:], 0), 6)]
    assert [share > 0 for share in shares] == [True, True, False, True, False, False]
    assert all(0.4 < share < 0.6 for share in shares if share)


@pytest.mark.parametrize("meaning", ["colour", "shape"])
def test_a_fair_episode_lets_neither_shape_nor_colour_tell_the_other(shown, meaning):
    album = shown[1]
    generator = torch.Generator().manual_seed(0)
    episodes = fair_episodes(album, torch.randint(2, (200, 9), generator=generator), generator, meaning)
    scenes, known = album.scenes, {(SHAPES.index(s), COLOURS.index(c)) for s, c in SEEN_PAIRS}
    hinted = 0
    for numbers, which in zip(episodes.pictures.tolist(), episodes.which.tolist(), strict=True):
        things = [(int(scenes.shape[i, 0]), int(scenes.colour[i, 0])) for i in numbers]
        meant = {w: thing[meaning == "colour"] for w, thing in zip(which, things, strict=True)}
        for w, (shape, colour) in zip(which, things, strict=True):
            assert (colour if meaning == "colour" else shape) == meant[w]
            turned = meant.get(1 - w, meant[w])
            assert ((shape, turned) if meaning == "colour" else (turned, colour)) in known
        hinted += len(set(things)) > 2
    assert hinted > 150, "shapes and colours vary within an episode"


def test_where_words_mean_pairs_an_episode_is_as_it_was_drawn(shown):
    which = torch.randint(2, (5, 9), generator=torch.Generator().manual_seed(1))
    fair = fair_episodes(shown[1], which, torch.Generator().manual_seed(2), "pair")
    drawn = binding_episodes(shown[1], which, torch.Generator().manual_seed(2), meaning="pair")
    assert torch.equal(fair.pictures, drawn.pictures)


def test_the_same_seed_draws_the_same_examples(shown):
    data = shown[1:]
    for (tokens, features), (again, same) in zip(islice(examples(*data, 0), 4), examples(*data, 0), strict=False):
        assert torch.equal(tokens, again)
        assert torch.equal(features, same)
    assert not torch.equal(next(examples(*data, 0))[0], next(examples(*data, 1))[0])


def test_the_resampler_learns_by_itself_what_pictures_and_videos_show(shown):
    model, album, films, pictures, _, videos = shown
    answers = picture_answers(album), film_answers(films)
    assert answers[0].shape == (len(album.pictures), 3)
    assert (without_colour(answers[0]) == UNASKED).sum(dim=1).tolist() == [2] * len(album.pictures)
    assert torch.equal(without_colour(answers[0])[:, 0], answers[0][:, 0])
    assert answers[1][:, 2].tolist() == [way for way in range(4) for _ in range(8)]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    history = teach_resampler(model, (pictures, answers[0]), (videos, answers[1]), seed=0, steps=40)
    assert sum(history.losses[-10:]) < sum(history.losses[:10])
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"resampler"}


def test_a_colour_is_asked_among_those_in_which_its_shape_comes():
    scores = [torch.zeros(1, number, requires_grad=True) for number in Asking.parts]
    shape, colour = next(divmod(i, len(COLOURS)) for i, pair in enumerate(PAIRS) if pair in SEEN_PAIRS)
    asking_step(lambda features: scores, torch.zeros(1), torch.tensor([[shape, colour, UNASKED]])).backward()
    offered = [name for name, gradient in zip(COLOURS, scores[1].grad[0].tolist(), strict=True) if gradient]
    assert offered == [name for name in COLOURS if (SHAPES[shape], name) in SEEN_PAIRS]
    assert len(offered) < len(COLOURS)
    assert scores[0].grad.all(), "all shapes are offered"
    assert scores[2].grad is None, "no picture moves"


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
