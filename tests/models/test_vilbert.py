"""Co-attention: two streams that look at each other at the same moment."""

from __future__ import annotations

import pytest
import torch

from utils.models.vilbert import CoAttentionLayer, ViLBERT, ViLBERTConfig

CONFIG = ViLBERTConfig(12, 1, 2, width=24, heads=2, hidden=48, vision_width=20, vision_heads=4, vision_hidden=40)
TOKENS = torch.tensor([[1, 5, 6, 3, 0], [1, 7, 8, 9, 3]])
PATCHES = torch.randn(2, 16, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model() -> ViLBERT:
    torch.manual_seed(0)
    return ViLBERT(CONFIG).eval()


def test_each_stream_keeps_its_width(model):
    words, patches = model.encode(TOKENS, PATCHES)
    assert words.shape == (2, 5, 24)
    assert patches.shape == (2, 16, 20)


def test_each_stream_sees_the_other_as_it_was_before_the_layer():
    torch.manual_seed(0)
    layer = CoAttentionLayer(CONFIG).eval()
    words, patches, is_word = torch.randn(2, 5, 24), torch.randn(2, 16, 20), TOKENS != 0
    new_words, new_patches = layer(words, patches, is_word)
    is_patch = torch.ones(2, 16, dtype=torch.bool)
    alone = layer.patches_block(layer.patches_to_words(patches, words, is_word), is_patch)
    torch.testing.assert_close(new_patches, alone)
    torch.testing.assert_close(new_words, layer.words_block(layer.words_to_patches(words, patches, is_patch), is_word))


def test_a_word_reads_its_picture_before_it_reads_its_neighbours():
    """In co-attention itself words do not mix: that is left to the layer after it."""
    torch.manual_seed(0)
    layer = CoAttentionLayer(CONFIG).eval()
    words, patches = torch.randn(1, 5, 24), torch.randn(1, 16, 20)
    changed = words.clone()
    changed[:, 2] = 0
    is_patch = torch.ones(1, 16, dtype=torch.bool)
    one, other = (layer.words_to_patches(x, patches, is_patch) for x in (words, changed))
    assert torch.equal(one[:, [0, 1, 3, 4]], other[:, [0, 1, 3, 4]])


def test_where_words_look_sums_to_one_over_the_patches(model):
    looks = model.looks(TOKENS, PATCHES)
    assert looks.shape == (2, 2, 2, 5, 16)
    torch.testing.assert_close(looks.sum(-1), torch.ones(2, 2, 2, 5))


@pytest.mark.parametrize("depths", [(-1, 1), (1, 0)])
def test_depths_that_make_no_vilbert_are_refused(depths):
    with pytest.raises(ValueError, match=f"not {depths[0]} and {depths[1]}"):
        ViLBERTConfig(12, *depths)
