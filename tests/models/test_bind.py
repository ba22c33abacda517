"""One space for many modalities: what each tower takes, and that the anchor stays where it is."""

from __future__ import annotations

import copy

import pytest
import torch

from utils.models.audio import log_mel
from utils.models.bind import HUM, BindConfig, ImageBind, hear
from utils.models.blocks import count_parameters
from utils.models.clip import CLIPConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.training.loop import fit
from utils.training.objectives import info_nce
from utils.world import render_captions, render_pictures, render_points, render_sounds, render_videos, sample_scenes
from utils.world.tokenizer import tokenize

CONFIG = BindConfig(
    anchor=CLIPConfig(
        vision=ViTConfig(width=32, depth=1, heads=2, hidden=64, clip_style=True),
        text=TextConfig(width=24, depth=1, heads=2, hidden=48),
        width=16,
    )
)
SCENES = sample_scenes(5, seed=0)
INPUTS = {
    "text": tokenize(render_captions(SCENES)),
    "image": render_pictures(SCENES),
    "audio": render_sounds(SCENES),
    "video": render_videos(SCENES),
    "3d": render_points(SCENES, colour=True),
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ImageBind(CONFIG)


@pytest.mark.parametrize("modality", ImageBind.MODALITIES)
def test_each_modality_becomes_unit_vectors_of_the_one_space(model, modality):
    vectors = model.encode(modality, INPUTS[modality])
    assert vectors.shape == (5, 16)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(5))
    # what is said of one does not depend on its batch
    torch.testing.assert_close(model.encode(modality, INPUTS[modality][2:3]), vectors[2:3])


def test_text_and_pictures_are_those_of_the_anchor(model):
    assert torch.equal(model.encode("text", INPUTS["text"]), model.anchor.encode_text(INPUTS["text"]))
    assert torch.equal(model.encode("image", INPUTS["image"]), model.anchor.encode_image(INPUTS["image"]))


def test_an_unknown_modality_is_told_with_those_there_are(model):
    with pytest.raises(ValueError, match="text, image, audio, video, 3d, not 'smell'"):
        model.encode("smell", INPUTS["image"])


def test_training_a_tower_leaves_the_anchor_and_the_other_towers_as_they_were(model):
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        pictures = model.encode("image", INPUTS["image"])

    def loss(tower, heard, anchors):
        return info_nce(tower.similarity(tower(heard), anchors))

    pairs = hear(INPUTS["audio"]), pictures
    history = fit(model.towers["audio"], [pairs] * 30, loss, steps=30)
    assert history.losses[-1] < history.losses[0]
    changed = {name.split(".")[1] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"audio"}


def test_only_the_towers_can_be_trained(model):
    assert count_parameters(model) == sum(count_parameters(tower) for tower in model.towers.values())


def test_similarity_is_the_cosine_over_the_temperature(model):
    tower = model.towers["audio"]
    vectors = model.encode("audio", INPUTS["audio"])
    torch.testing.assert_close(tower.similarity(vectors, vectors).diagonal(), torch.full((5,), 1 / CONFIG.temperature))


def test_the_two_ears_are_heard_one_above_the_other():
    heard = hear(INPUTS["audio"])
    assert heard.shape == (5, 2 * HUM.mels, CONFIG.audio.frames)
    torch.testing.assert_close(heard[:, HUM.mels :], log_mel(INPUTS["audio"][:, 1], HUM))


def test_exchanging_the_ears_changes_what_is_heard(model):
    assert not torch.allclose(model.encode("audio", INPUTS["audio"].flip(1)), model.encode("audio", INPUTS["audio"]))


@pytest.mark.parametrize("shape", [(5, 6400), (5, 1, 6400), (2, 6400, 2)])
def test_sounds_must_be_in_stereo(shape):
    with pytest.raises(ValueError, match="stereo"):
        hear(torch.zeros(shape))
