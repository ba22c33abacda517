"""Cross-modality layers: one set of weights looks from words to patches and from patches to words."""

from __future__ import annotations

import pytest
import torch

from utils.models.lxmert import LXMERT, CrossModalityLayer, LXMERTConfig

CONFIG = LXMERTConfig(12, 1, 1, 2, width=24, heads=2, hidden=48)
TOKENS = torch.tensor([[1, 5, 6, 3, 0], [1, 7, 8, 9, 3]])
PATCHES = torch.randn(2, 16, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model() -> LXMERT:
    torch.manual_seed(0)
    return LXMERT(CONFIG).eval()


def test_both_directions_have_the_same_weights():
    """With streams of equal content, and the rest of the layer alike, both come out alike."""
    torch.manual_seed(0)
    layer = CrossModalityLayer(24, 2, 48).eval()
    layer.patches_block.load_state_dict(layer.words_block.state_dict())
    one, other, everything = torch.randn(2, 5, 24), torch.randn(2, 5, 24), torch.ones(2, 5, dtype=torch.bool)
    words, patches = layer(one, other, everything)
    swapped_words, swapped_patches = layer(other, one, everything)
    torch.testing.assert_close((words, patches), (swapped_patches, swapped_words))


def test_the_shared_weights_learn_from_both_directions():
    torch.manual_seed(0)
    layer = CrossModalityLayer(24, 2, 48)
    words, patches, is_word = torch.randn(2, 5, 24), torch.randn(2, 16, 24), TOKENS != 0
    found = []
    for which in ((1, 0), (0, 1), (1, 1)):
        layer.zero_grad()
        parts = layer(words, patches, is_word)
        sum(weight * part.square().mean() for weight, part in zip(which, parts, strict=True)).backward()
        found.append(layer.cross_attention.query.weight.grad.clone())
    assert all(gradient.abs().max() > 0 for gradient in found)
    torch.testing.assert_close(found[0] + found[1], found[2])


def test_before_the_first_cross_modality_layer_the_streams_are_apart(model):
    words, patches = model.streams(TOKENS, PATCHES)
    assert torch.equal(words, model.streams(TOKENS, PATCHES.flip(0))[0])
    assert torch.equal(patches, model.streams(TOKENS.flip(0), PATCHES)[1])


def test_where_words_look_sums_to_one_over_the_patches(model):
    looks = model.looks(TOKENS, PATCHES)
    assert looks.shape == (2, 2, 2, 5, 16)
    torch.testing.assert_close(looks.sum(-1), torch.ones(2, 2, 2, 5))


@pytest.mark.parametrize("depths", [(-1, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_depths_that_make_no_lxmert_are_refused(depths):
    with pytest.raises(ValueError, match=f"not {depths[0]}, {depths[1]} and {depths[2]}"):
        LXMERTConfig(12, *depths)
