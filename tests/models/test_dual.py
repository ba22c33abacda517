"""A dual encoder: two towers that know nothing of each other, of the size of a cross-encoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from utils.models.blocks import count_parameters
from utils.models.dual import DualConfig, DualEncoder
from utils.training.matching import LENGTH
from utils.training.recipes import cross_encoder_scenes, dual_encoder_scenes, early_fusion_scenes
from utils.world import tokenize

SMALL = DualConfig(picture_width=12, width=16, heads=2, hidden=32, space=8, bias=-1.0)
TOKENS = tokenize(["a large red circle", "a small blue star above a large green ring"], LENGTH)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DualEncoder(SMALL).eval()


@pytest.fixture
def patches():
    return torch.randn(2, 16, 12, generator=torch.Generator().manual_seed(0))


def test_a_score_is_the_scaled_cosine_of_two_vectors_of_length_one(model, patches):
    texts, pictures = model.encode_text(TOKENS), model.encode_patches(patches)
    for vectors in (texts, pictures):
        assert vectors.shape == (2, 8)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    expected = F.cosine_similarity(texts, pictures) / SMALL.temperature + SMALL.bias
    torch.testing.assert_close(model(TOKENS, patches), expected[:, None])


def test_neither_tower_sees_what_the_other_reads(model, patches):
    both = model(TOKENS, patches)[0]
    torch.testing.assert_close(model(TOKENS[:1], patches[:1])[0], both)
    apart = model.encode_text(TOKENS) @ model.encode_patches(patches).T
    torch.testing.assert_close(model(TOKENS, patches.flip(0))[:, 0], 10 * apart.flip(1).diagonal() - 1)


def test_padding_changes_nothing(model, patches):
    longer = F.pad(TOKENS, (0, 2))
    torch.testing.assert_close(model(longer, patches), model(TOKENS, patches))


def test_every_parameter_has_a_part_in_the_answer(model, patches):
    model(TOKENS, patches).sum().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_the_two_recipes_have_one_budget():
    dual, cross = (recipe.RECIPE for recipe in (dual_encoder_scenes, cross_encoder_scenes))
    sizes = [count_parameters(recipe.build(vars(recipe.config))) for recipe in (dual, cross)]
    assert abs(sizes[0] / sizes[1] - 1) < 0.05
    assert dual.steps == cross.steps + early_fusion_scenes.RECIPE.steps  # with which the cross-encoder begins
    assert cross.data.startswith(dual.data)


@pytest.mark.parametrize("shape", [(1, 16, 12), (2, 16, 11), (2, 16)])
def test_patches_that_do_not_fit_are_refused(model, shape):
    with pytest.raises(ValueError, match=r"patches must be \[2, patches, 12\]"):
        model(TOKENS, torch.zeros(shape))
