"""What a matching model learns from: a true caption, four wrong ones, and nothing that is held out."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from utils.models.dual import DualConfig, DualEncoder
from utils.models.joint import JointConfig, JointTransformer
from utils.models.vit import ViT, ViTConfig
from utils.training import matching
from utils.training.checkpoints import load_checkpoint
from utils.training.features import see
from utils.training.loop import fit
from utils.training.matching import CAPTIONS, LENGTH, begin_reading, caption_tokens, matching_loss, sorting_loss
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


@pytest.fixture
def towers():
    torch.manual_seed(0)
    return DualEncoder(DualConfig(picture_width=4, width=16, heads=2, hidden=32, space=8, length=LENGTH))


def test_without_wrong_captions_sorting_is_clips_own_loss(towers):
    tokens, quarters = caption_tokens(SCENES, seed=0)[:, :1], torch.randn(8, 4, 4)
    pairs = towers(tokens[:, 0].repeat(8, 1), quarters.repeat_interleave(8, dim=0)).view(8, 8)
    assert sorting_loss(towers, tokens, quarters).item() == pytest.approx(info_nce(pairs).item(), abs=1e-5)


def test_wrong_captions_are_more_for_a_picture_to_choose_from_and_choose_no_picture_themselves(towers):
    tokens, quarters = caption_tokens(SCENES, seed=0), torch.randn(8, 4, 4)
    scale, pictures = towers.logit_scale.exp(), towers.encode_patches(quarters)
    chosen = []
    for i, picture in enumerate(pictures):
        cosines = torch.stack([towers.encode_text(tokens[j]) @ picture for j in range(8)]).flatten()
        chosen.append(F.cross_entropy(scale * cosines, torch.tensor(i * CAPTIONS)))
    back = F.cross_entropy(scale * towers.encode_text(tokens[:, 0]) @ pictures.T, torch.arange(8))
    expected = (torch.stack(chosen).mean() + back) / 2
    assert sorting_loss(towers, tokens, quarters).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_cross_encoder_begins_with_what_the_answering_model_knows_and_a_new_answer():
    model, known = begin_reading(cross_encoder_scenes.RECIPE.config), load_checkpoint("early_fusion_scenes")[0]
    new = {name for name, weight in model.state_dict().items() if weight.shape != known.state_dict()[name].shape}
    assert new == {"head.answer.2.weight", "head.answer.2.bias"}
    tokens, quarters = caption_tokens(SCENES, seed=0)[:, 0], torch.randn(8, 4, model.config.picture_width)
    for mine, theirs in zip(model.encode(tokens, quarters), known.encode(tokens, quarters), strict=True):
        assert torch.equal(mine, theirs)


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
