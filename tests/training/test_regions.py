"""What a vision tower is taught about the parts of a picture."""

from __future__ import annotations

import pytest
import torch

from utils.models.reader import UNASKED, contents, reading_loss
from utils.models.vit import ViT, ViTConfig
from utils.training.loop import overfit
from utils.training.regions import COLOUR, RegionReader, _half_mixed, mix_colours
from utils.world import render_pictures, sample_scenes

CONFIG = ViTConfig(width=32, depth=2, heads=2, hidden=64)


@pytest.fixture
def examples():
    scenes = sample_scenes(16, seed=3)
    return render_pictures(scenes), contents(scenes)


def test_mixed_colours_keep_shape_type_and_what_is_grey(examples):
    pictures, _ = examples
    mixed = mix_colours(pictures, torch.Generator().manual_seed(0))
    assert mixed.shape == pictures.shape
    assert mixed.dtype == torch.uint8
    grey = pictures[:, :1].expand_as(pictures)
    assert torch.equal(mix_colours(grey, torch.Generator().manual_seed(0)), grey)
    assert not torch.equal(mixed, pictures)


def test_half_of_a_batch_is_mixed_and_its_colours_are_not_asked_for(examples):
    pictures, wanted = examples
    before = wanted.clone()
    ((shown, asked),) = _half_mixed(iter([(pictures, wanted)]), torch.Generator().manual_seed(0))
    assert (asked[:8, :, COLOUR] == UNASKED).all()
    assert torch.equal(asked[8:], wanted[8:])
    assert torch.equal(asked[:8, :, [0, 2]], wanted[:8, :, [0, 2]])
    assert torch.equal(shown[8:], pictures[8:])
    assert not torch.equal(shown[:8], pictures[:8])
    assert torch.equal(wanted, before)  # the examples come again in the next epoch


def test_what_is_not_asked_for_does_not_count(examples):
    pictures, wanted = examples
    model = RegionReader(ViT(CONFIG))
    unasked = wanted.clone()
    unasked[..., COLOUR] = UNASKED
    unasked[0, 0, COLOUR] = wanted[0, 0, COLOUR]
    losses = []
    for rest in (wanted, unasked):
        changed = rest.clone()
        changed[1:, :, COLOUR] = torch.where(changed[1:, :, COLOUR] == UNASKED, UNASKED, 0)
        losses.append((reading_loss(model, pictures, rest) - reading_loss(model, pictures, changed)).abs().item())
    assert losses[0] > 1e-3
    assert losses[1] == 0


def test_a_tower_can_learn_what_stands_in_the_quarters(examples):
    history = overfit(RegionReader(ViT(CONFIG)), examples, reading_loss, steps=80)
    assert history.losses[-1] < 0.2 * history.losses[0]
