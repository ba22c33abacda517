"""The parts of a Transformer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from utils.models.blocks import Attention, Block, CrossAttention, FeedForward, attend, count_parameters, initialise


@pytest.mark.parametrize(("width", "heads", "length"), [(8, 1, 1), (12, 3, 5), (30, 5, 17)])
def test_a_block_keeps_the_shape(width, heads, length):
    assert Block(width, heads, 4 * width)(torch.randn(2, length, width)).shape == (2, length, width)


def test_width_must_be_a_multiple_of_heads():
    with pytest.raises(ValueError, match="width 10 must be a multiple of the number of heads, 3"):
        Attention(10, 3)


@pytest.mark.parametrize("causal", [False, True])
def test_attend_is_softmax_of_scaled_dot_products_times_values(causal):
    q, k, v = torch.randn(3, 2, 3, 5, 4, dtype=torch.float64)
    scores = torch.einsum("bhid,bhjd->bhij", q, k) / 2
    if causal:
        scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf)
    torch.testing.assert_close(attend(q, k, v, causal), scores.softmax(-1) @ v)


def test_what_the_mask_leaves_out_does_not_exist():
    attention, x, context = CrossAttention(12, 3, 8), torch.randn(2, 5, 12), torch.randn(2, 7, 8)
    mask = torch.tensor([[True] * 4 + [False] * 3] * 2)
    torch.testing.assert_close(attention(x, context, mask), attention(x, context[:, :4]))
    shares = attention.weights(x, context, mask)
    assert (shares[..., 4:] == 0).all()
    torch.testing.assert_close(shares[..., :4], attention.weights(x, context[:, :4]))


def test_attention_is_that_of_nn_multihead_attention():
    ours, theirs = Attention(12, 3).double(), nn.MultiheadAttention(12, 3, batch_first=True).double()
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.query_key_value.weight,
            "in_proj_bias": ours.query_key_value.bias,
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])


def test_causal_attention_never_looks_ahead():
    block = Block(16, 2, 32, causal=True)
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[:, 4:] = torch.randn(1, 2, 16)
    assert torch.equal(block(x)[:, :4], block(changed)[:, :4])
    assert not torch.allclose(block(x)[:, 4:], block(changed)[:, 4:])


def test_attention_without_causal_looks_everywhere():
    block = Block(16, 2, 32)
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[:, 5] = torch.randn(16)
    assert not torch.isclose(block(x), block(changed)).all(-1).any()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("first", [1, 3, 6])
def test_a_block_asked_for_the_first_positions_returns_what_it_would_have_said_of_them(causal, first):
    block = Block(16, 2, 32, causal).double()
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    torch.testing.assert_close(block(x, first), block(x)[:, :first])


def test_feed_forward_treats_each_position_alone():
    layer = FeedForward(8, 16)
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(layer(x)[:, 3], layer(x[:, 3]))


def test_initialise_keeps_the_size_of_activations():
    layer = nn.Linear(400, 400)
    initialise(layer)
    assert layer(torch.randn(500, 400)).std().item() == pytest.approx(1, abs=0.05)
    assert layer.bias.abs().max() == 0


def test_only_what_can_be_trained_counts_as_parameters():
    block = Block(8, 2, 16)
    everything = 2 * 2 * 8 + (8 * 24 + 24) + (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8)
    assert count_parameters(block) == everything
    block.attention.requires_grad_(False)
    assert count_parameters(block) == everything - (8 * 24 + 24) - (8 * 8 + 8)


def test_attention_under_bfloat16_autocast_runs_in_float32():
    """The bfloat16 kernel's backward pass is 17 times slower on a CPU."""
    q = torch.randn(1, 2, 3, 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = attend(q, q, q)
        masked = attend(q, q, q, mask=torch.tensor([[True, True, False]]))
    assert mixed.dtype == masked.dtype == torch.float32
    assert torch.equal(mixed, attend(q.float(), q.float(), q.float()))
