"""Cross-attention and the decoder's layer compute what PyTorch's do under the same weights: outputs and gradients."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.blocks import CrossAttention, CrossBlock

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
SIZES = [(12, 3, None), (20, 4, 28), (24, 1, 7)]  # width, heads, width of what is looked at


def attention_to_torch(ours: Mapping[str, Tensor], same_width: bool) -> dict[str, Tensor]:
    """PyTorch keeps the three projections in one matrix only where all inputs have one width."""
    query, (key, value) = ours["query.weight"], ours["key_value.weight"].chunk(2)
    parts = (
        {"in_proj_weight": torch.cat([query, key, value])}
        if same_width
        else {"q_proj_weight": query, "k_proj_weight": key, "v_proj_weight": value}
    )
    return {
        **parts,
        "in_proj_bias": torch.cat([ours["query.bias"], ours["key_value.bias"]]),
        "out_proj.weight": ours["output.weight"],
        "out_proj.bias": ours["output.bias"],
    }


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def block_to_torch(ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    parts = {
        "norm1.": below(ours, "norm_1."),
        "self_attn.": {
            "in_proj_weight": ours["attention.query_key_value.weight"],
            "in_proj_bias": ours["attention.query_key_value.bias"],
            "out_proj.weight": ours["attention.output.weight"],
            "out_proj.bias": ours["attention.output.bias"],
        },
        "norm2.": below(ours, "norm_2."),
        "multihead_attn.": attention_to_torch(below(ours, "cross_attention."), same_width=True),
        "norm3.": below(ours, "norm_3."),
        "linear1.": below(ours, "feed_forward.expand."),
        "linear2.": below(ours, "feed_forward.contract."),
    }
    return {prefix + name: tensor for prefix, part in parts.items() for name, tensor in part.items()}


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def inputs(width: int, context_width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    x, context = torch.randn(2, 5, width, dtype=dtype), torch.randn(2, 9, context_width, dtype=dtype)
    return x.requires_grad_(), context.requires_grad_()


MASK = torch.arange(9) < torch.tensor([[9], [4]])  # the second row has five positions that are not looked at


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("width", "heads", "context_width"), SIZES)
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_cross_attention_its_weights_and_its_gradients_are_those_of_torch(
    width, heads, context_width, mask, dtype, tolerance
):
    torch.manual_seed(0)
    ours = disturb(CrossAttention(width, heads, context_width).to(dtype))
    other = context_width or width
    theirs = nn.MultiheadAttention(width, heads, kdim=other, vdim=other, batch_first=True).to(dtype)
    load(theirs, attention_to_torch(parameters(ours), same_width=context_width is None))
    our_inputs = inputs(width, other, dtype)
    their_inputs = tuple(tensor.detach().clone().requires_grad_() for tensor in our_inputs)

    output = ours(*our_inputs, mask)
    x, context = their_inputs
    left_out = None if mask is None else ~mask
    expected, weights = theirs(x, context, context, key_padding_mask=left_out, average_attn_weights=False)
    direction = torch.randn_like(output)
    (output * direction).sum().backward()
    (expected * direction).sum().backward()

    assert_same(
        {"output": output, "weights": ours.weights(*our_inputs, mask)},
        {"output": expected, "weights": weights},
        tolerance,
    )
    assert_same(
        {"x": our_inputs[0].grad, "context": our_inputs[1].grad},
        {"x": their_inputs[0].grad, "context": their_inputs[1].grad},
        tolerance,
    )
    assert_same(attention_to_torch(gradients(ours), same_width=context_width is None), gradients(theirs), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_a_cross_block_and_its_gradients_are_those_of_torchs_decoder_layer(dtype, tolerance):
    torch.manual_seed(0)
    ours = disturb(CrossBlock(24, 3, 40).to(dtype))
    theirs = nn.TransformerDecoderLayer(24, 3, 40, 0.0, "gelu", batch_first=True, norm_first=True).to(dtype)
    load(theirs, block_to_torch(parameters(ours)))
    our_inputs = inputs(24, 24, dtype)
    their_inputs = tuple(tensor.detach().clone().requires_grad_() for tensor in our_inputs)

    output = ours(*our_inputs)
    back = nn.Transformer.generate_square_subsequent_mask(5, dtype=dtype)
    expected = theirs(*their_inputs, tgt_mask=back, tgt_is_causal=True)
    direction = torch.randn_like(output)
    (output * direction).sum().backward()
    (expected * direction).sum().backward()

    assert_same({"output": output}, {"output": expected}, tolerance)
    assert_same(
        {"x": our_inputs[0].grad, "context": our_inputs[1].grad},
        {"x": their_inputs[0].grad, "context": their_inputs[1].grad},
        tolerance,
    )
    assert_same(block_to_torch(gradients(ours)), gradients(theirs), tolerance)
