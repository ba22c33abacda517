"""Our resampler and gated layer compute what IDEFICS's do under the same weights: outputs and gradients."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from double import no_rounding_to_float32
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.flamingo import GatedCrossAttention, PerceiverResampler, ResamplerConfig, sees
from utils.world.tokenizer import IMAGE, START

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
RESAMPLERS = [
    pytest.param(24, ResamplerConfig(latents=3, depth=2, heads=4, frames=4), id="two-layers"),
    pytest.param(21, ResamplerConfig(latents=5, depth=1, heads=3, frames=3), id="odd"),
]
GATED = [pytest.param((24, 3, 40, 20), id="wider-text"), pytest.param((20, 2, 28, 32), id="wider-pictures")]


def resampler_to_transformers(ours: Mapping[str, Tensor], depth: int) -> dict[str, Tensor]:
    """All but the vectors of the frames, which IDEFICS, a model of still pictures, has not."""
    theirs = {"latents": ours["latents"]}
    for kind in ("weight", "bias"):
        theirs[f"layer_norm.{kind}"] = ours[f"norm_out.{kind}"]
    for layer in range(depth):
        own, attention, feed_forward = f"blocks.{layer}", f"blocks.{layer}.0", f"blocks.{layer}.1"
        for kind in ("weight", "bias"):
            theirs[f"{attention}.context_layer_norm.{kind}"] = ours[f"{own}.norm_features.{kind}"]
            theirs[f"{attention}.latents_layer_norm.{kind}"] = ours[f"{own}.norm_latents.{kind}"]
            theirs[f"{feed_forward}.ln.{kind}"] = ours[f"{own}.norm_2.{kind}"]
        for part in ("query", "key", "value"):
            theirs[f"{attention}.{part[0]}_proj.weight"] = ours[f"{own}.attention.{part}.weight"]
        theirs[f"{attention}.output_proj.weight"] = ours[f"{own}.attention.output.weight"]
        theirs[f"{feed_forward}.fc.weight"] = ours[f"{own}.feed_forward.0.weight"]
        theirs[f"{feed_forward}.c_proj.weight"] = ours[f"{own}.feed_forward.2.weight"]
    return theirs


def gated_to_transformers(ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        "alpha_cross_attn": ours["attention_gate"].reshape(1),
        "alpha_dense": ours["feed_forward_gate"].reshape(1),
        "cross_attn.q_proj.weight": ours["attention.query.weight"],
        "cross_attn.k_proj.weight": ours["attention.key.weight"],
        "cross_attn.v_proj.weight": ours["attention.value.weight"],
        "cross_attn.o_proj.weight": ours["attention.output.weight"],
        "input_layernorm.weight": ours["norm_1.weight"],
        "post_attention_layernorm.weight": ours["norm_2.weight"],
        "mlp.gate_proj.weight": ours["feed_forward.gate.weight"],
        "mlp.up_proj.weight": ours["feed_forward.expand.weight"],
        "mlp.down_proj.weight": ours["feed_forward.contract.weight"],
    }


def transformers_resampler(model: PerceiverResampler) -> nn.Module:
    """transformers' IdeficsPerceiverResampler with the shape, dtype and weights of `model`."""
    from transformers import IdeficsConfig
    from transformers.models.idefics.perceiver import IdeficsPerceiverResampler

    config, width = model.config, model.times.shape[1]
    theirs = IdeficsPerceiverResampler(
        IdeficsConfig(vision_config={"embed_dim": width}),
        embed_dim=width,
        depth=config.depth,
        n_heads=config.heads,
        head_dim=width // config.heads,
        n_latents=config.latents,
    )
    return load(theirs.to(model.latents.dtype), resampler_to_transformers(parameters(model), config.depth))


def transformers_gated(
    model: GatedCrossAttention, width: int, heads: int, hidden: int, context_width: int
) -> nn.Module:
    """transformers' IdeficsGatedCrossAttentionLayer with the shape, dtype and weights of `model`."""
    from transformers import IdeficsConfig
    from transformers.models.idefics.modeling_idefics import IdeficsGatedCrossAttentionLayer

    config = IdeficsConfig(
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=hidden,
        rms_norm_eps=model.norm_1.eps,
        vision_config={"embed_dim": context_width},
        attn_implementation="sdpa",
    )
    theirs = IdeficsGatedCrossAttentionLayer(config, layer_idx=0).to(model.norm_1.weight.dtype)
    return load(theirs, gated_to_transformers(parameters(model)))


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert value.abs().max() > 1e-6, f"{name}: nothing compared"
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("width", "config"), RESAMPLERS)
def test_the_resampler_and_its_gradients_are_those_of_idefics(width, config, dtype, tolerance):
    torch.manual_seed(0)
    ours = disturb(PerceiverResampler(config, width).to(dtype))
    theirs = transformers_resampler(ours)
    features = torch.randn(2, config.frames, 4, width, dtype=dtype, requires_grad=True)
    told = (features + ours.times.detach()[:, None]).detach().requires_grad_()  # what ours tells of the frame

    latents = ours(features)
    expected = theirs(told.flatten(1, 2))
    direction = torch.randn_like(latents)
    (latents * direction).sum().backward()
    (expected * direction).sum().backward()

    assert_same(
        {"latents": latents, "of features": features.grad}, {"latents": expected, "of features": told.grad}, tolerance
    )
    assert_same({"times": ours.times.grad}, {"times": told.grad.sum(dim=(0, 2))}, tolerance)
    assert_same(resampler_to_transformers(gradients(ours), config.depth), gradients(theirs), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("shape", GATED)
def test_the_gated_layer_and_its_gradients_are_those_of_idefics(shape, dtype, tolerance):
    width, _, _, context_width = shape
    torch.manual_seed(0)
    ours = disturb(GatedCrossAttention(*shape).to(dtype))
    with torch.no_grad():  # open, and differently
        ours.attention_gate += 0.7
        ours.feed_forward_gate -= 0.4
    theirs = transformers_gated(ours, *shape)
    tokens = torch.tensor([[START, IMAGE, 9, IMAGE, 8], [START, 7, 6, IMAGE, IMAGE]])
    allowed = sees(tokens, 2).repeat_interleave(3, dim=2)
    x, latents = torch.randn(2, 5, width, dtype=dtype), torch.randn(2, 6, context_width, dtype=dtype)
    our_inputs = {"x": x.clone().requires_grad_(), "latents": latents.clone().requires_grad_()}
    their_inputs = {"x": x.clone().requires_grad_(), "latents": latents.clone().requires_grad_()}

    output = ours(*our_inputs.values(), allowed)
    closed = torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)
    with no_rounding_to_float32(dtype):
        expected = theirs(
            their_inputs["x"],
            image_hidden_states=their_inputs["latents"],
            image_attention_mask=closed.unsqueeze(1),
            cross_attention_gate=allowed.any(dim=-1).to(dtype),
        )
    direction = torch.randn_like(output)
    (output * direction).sum().backward()
    (expected * direction).sum().backward()

    assert_same({"output": output}, {"output": expected}, tolerance)
    assert_same(
        {name: tensor.grad for name, tensor in our_inputs.items()},
        {name: tensor.grad for name, tensor in their_inputs.items()},
        tolerance,
    )
    assert_same(gated_to_transformers(gradients(ours)), gradients(theirs), tolerance)
