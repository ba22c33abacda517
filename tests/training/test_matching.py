"""What a matching model learns from: a true caption, four wrong ones, and nothing that is held out."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from utils.models.dual import DualConfig, DualEncoder
from utils.models.joint import JointConfig, JointTransformer
from utils.models.vit import ViT, ViTConfig
from utils.training import matching
from utils.training.features import see
from utils.training.loop import fit
from utils.training.matching import (
    CAPTIONS,
    LENGTH,
    FillingGaps,
    SortingABatch,
    both_losses,
    caption_tokens,
    matching_loss,
)
from utils.training.objectives import info_nce
from utils.training.recipes import cross_encoder_scenes, dual_encoder_scenes
from utils.world import detokenize, render_captions, render_pictures, sample_scenes

SCENES = sample_scenes(8, seed=5, objects=(2, 2))


class Says(nn.Module):
    """A model that gives fixed log-odds, whatever it reads."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, tokens, patches):
        return self.logits.repeat(len(tokens) // len(self.logits))[:, None]


def test_the_first_caption_is_the_true_one_and_the_longest_fits():
    tokens = caption_tokens(SCENES, seed=0)
    assert tokens.shape == (8, CAPTIONS, LENGTH)
    assert [detokenize(row) for row in tokens[:, 0]] == render_captions(SCENES)


def test_the_loss_is_that_of_yes_for_the_first_caption_and_no_for_the_others():
    tokens, patches = caption_tokens(SCENES, seed=0), torch.zeros(8, 16, 4)
    assert matching_loss(Says(0.0), tokens, patches).item() == pytest.approx(math.log(2))
    assert matching_loss(Says(9.0, *[-9.0] * 4), tokens, patches).item() < 1e-3
    assert matching_loss(Says(-9.0, *[9.0] * 4), tokens, patches).item() == pytest.approx(9, abs=1e-2)


def test_each_caption_is_read_beside_its_own_picture():
    class Sees(nn.Module):
        def forward(self, tokens, patches):
            self.seen = patches[:, 0, 0]
            return self.seen[:, None]

    model = Sees()
    matching_loss(model, caption_tokens(SCENES, seed=0), torch.arange(8.0).view(8, 1, 1).expand(8, 16, 4))
    assert model.seen.tolist() == [float(i) for i in range(8) for _ in range(CAPTIONS)]


def test_pictures_are_seen_in_pieces_as_in_one():
    torch.manual_seed(0)
    vision = ViT(ViTConfig(width=32, depth=2, heads=2, hidden=64)).eval()
    pictures = render_pictures(sample_scenes(501, seed=0))
    seen = see(vision, pictures)
    assert seen.shape == (501, 16, 32)
    torch.testing.assert_close(seen[500:], see(vision, pictures[500:]))


def test_a_small_cross_encoder_learns_a_few_pictures_by_heart():
    torch.manual_seed(0)
    patches = torch.randn(8, 16, 4)
    tokens = caption_tokens(SCENES, seed=0)
    model = JointTransformer(
        JointConfig(picture_width=4, joint_depth=1, width=16, heads=2, hidden=32, length=LENGTH, outputs=1)
    )
    history = fit(model, ((tokens, patches) for _ in range(60)), matching_loss, steps=60, learning_rate=1e-2)
    assert history.losses[-1] < 0.7 * history.losses[0]


def test_a_cross_encoder_fills_gaps_in_true_captions_with_the_picture_beside_it():
    torch.manual_seed(0)
    config = JointConfig(picture_width=4, joint_depth=1, width=16, heads=2, hidden=32, length=LENGTH, outputs=1)
    task = FillingGaps(JointTransformer(config))
    nn.init.zeros_(task.words.weight)
    nn.init.zeros_(task.words.bias)
    tokens, patches = caption_tokens(SCENES, seed=0), torch.randn(8, 16, 4)
    chance = math.log(config.vocabulary)
    assert task(tokens[:, 0], patches).item() == pytest.approx(chance, abs=1e-4)
    matched = matching_loss(task.model, tokens, patches).item()
    assert both_losses(task, tokens, patches).item() == pytest.approx(matched + chance, abs=1e-4)


def test_two_towers_sort_the_pictures_and_captions_of_a_batch():
    torch.manual_seed(0)
    config = DualConfig(picture_width=4, width=16, heads=2, hidden=32, space=8, length=LENGTH)
    task, tokens, patches = SortingABatch(DualEncoder(config)), caption_tokens(SCENES, seed=0), torch.randn(8, 16, 4)
    model = task.model
    pairs = model(tokens[:, 0].repeat(8, 1), patches.repeat_interleave(8, dim=0)).view(8, 8)
    assert task(tokens[:, 0], patches).item() == pytest.approx(info_nce(pairs).item(), abs=1e-5)


@pytest.mark.parametrize("recipe", [cross_encoder_scenes.RECIPE, dual_encoder_scenes.RECIPE], ids=lambda r: r.name)
def test_a_recipe_trains_its_model_on_batches_of_pictures_with_all_their_captions(recipe, monkeypatch):
    monkeypatch.setattr(matching, "SCENES", 12)
    monkeypatch.setattr(matching, "BATCH", 4)
    model, history = recipe.train(dataclasses.replace(recipe, steps=2))
    assert len(history.losses) == 2
    assert history.samples == 8
    assert next(model.parameters()).device.type == "cpu"
    again = recipe.build(dataclasses.asdict(recipe.config))
    assert again.state_dict().keys() == model.state_dict().keys()
