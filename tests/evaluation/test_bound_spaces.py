"""What the held-out measures of "bind_scenes" compare: scenes that sound alike, and what an embedding comes from."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.held_out.bind_scenes import BARS, embed, moving, sound_alike
from utils.models.bind import ImageBind
from utils.training.recipes.bind_scenes import RECIPE, SEEDS, render, training_scenes
from utils.world import Scene, Scenes, Thing, render_sounds, sample_scenes


def scenes(*things: Thing) -> Scenes:
    return Scenes.of(Scene((thing,)) for thing in things)


def test_colour_and_height_cannot_be_heard_and_shape_size_and_side_can():
    alike = sound_alike(
        scenes(
            Thing.at("circle", "red", "large", "top left"),
            Thing.at("circle", "blue", "large", "bottom left"),
            Thing.at("circle", "red", "large", "top right"),
            Thing.at("circle", "red", "small", "top left"),
            Thing.at("ring", "red", "large", "top left"),
        )
    )
    assert torch.equal(alike, torch.eye(5, dtype=torch.bool) | (torch.arange(5)[:, None] + torch.arange(5) == 1))


def test_scenes_that_sound_alike_have_the_same_sound():
    pair = scenes(Thing.at("star", "red", "large", "top left"), Thing.at("star", "green", "large", "bottom left"))
    assert sound_alike(pair).all()
    # each tone begins at a point of its period that is drawn, so that they differ in phase alone
    spectra = torch.fft.rfft(render_sounds(pair)).abs()
    assert torch.nn.functional.cosine_similarity(*spectra.flatten(1), dim=0) > 0.98


def test_the_order_of_two_things_makes_no_sound():
    first, second = Thing.at("star", "red", "large", "top left"), Thing.at("ring", "blue", "small", "top right")
    assert sound_alike(Scenes.of([Scene((first, second)), Scene((second, first))])).all()


def test_actions_are_drawn_for_things_and_not_for_empty_places():
    still = sample_scenes(200, seed=0)
    drawn = moving(still, seed=1)
    assert torch.equal(drawn.motion >= 0, still.shape >= 0)
    assert len(drawn.motion[drawn.shape >= 0].unique()) == 10
    assert torch.equal(drawn.x, still.x)
    assert torch.equal(drawn.motion, moving(still, seed=1).motion)
    assert not torch.equal(drawn.motion, moving(still, seed=2).motion)


def test_every_modality_of_a_scene_is_embedded_the_same_way_again():
    torch.manual_seed(0)
    model, some = ImageBind(RECIPE.config), sample_scenes(4, seed=0)
    space = embed(model, some, seed=5)
    assert tuple(space) == ImageBind.MODALITIES
    assert all(vectors.shape == (4, RECIPE.config.anchor.width) for vectors in space.values())
    again = embed(model, some, seed=5)
    assert all(torch.equal(space[name], again[name]) for name in space)
    assert not torch.equal(embed(model, some, seed=6)["video"], space["video"])


def test_there_is_a_bar_for_every_pair():
    assert len(BARS) == len(ImageBind.MODALITIES) * (len(ImageBind.MODALITIES) - 1) // 2


def test_no_two_towers_are_trained_on_the_same_scenes():
    assert len(set(SEEDS.values())) == 3
    one, other = training_scenes("audio"), training_scenes("3d")
    assert not torch.equal(one.shape, other.shape)
    assert training_scenes("video").motion.max() > 0 == one.motion.max()


def test_only_bound_modalities_are_rendered_for_binding():
    with pytest.raises(ValueError, match="audio, video, 3d, not 'text'"):
        render("text", sample_scenes(1, seed=0), seed=0)
