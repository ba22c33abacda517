"""Our mixtures compute what Mixtral's and DeepSeek-V3's do under the same weights: outputs, losses, every gradient."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from double import no_rounding_to_float32
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.moe import MixtureOfExperts, SigmoidRouter, SoftmaxRouter, load_balancing_loss
from utils.models.swiglu import SwiGLU

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
MIXTRAL = [(16, 24, 4, 2), (21, 10, 7, 3), (12, 20, 3, 3)]  # width, hidden, experts, top_k
DEEPSEEK = [(16, 24, 8, 3, 4, 2, 1), (21, 10, 6, 2, 1, 1, 2), (12, 20, 6, 1, 2, 1, 1)]  # and groups, open, shared


def experts_to_transformers(ours: Mapping[str, Tensor], experts: int) -> dict[str, Tensor]:
    """Theirs keeps the experts in one tensor, with gate and up one below the other."""
    gate, up, down = (
        [ours[f"experts.{number}.{part}.weight"] for number in range(experts)]
        for part in ("gate", "expand", "contract")
    )
    return {
        "gate.weight": ours["router.linear.weight"],
        "experts.gate_up_proj": torch.cat([torch.stack(gate), torch.stack(up)], dim=1),
        "experts.down_proj": torch.stack(down),
    }


def shared_to_transformers(ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = {"gate": "gate_proj", "expand": "up_proj", "contract": "down_proj"}
    return {f"shared_experts.{theirs}.weight": ours[f"shared.{own}.weight"] for own, theirs in names.items()}


def transformers_mixtral(model: MixtureOfExperts, width: int, hidden: int, experts: int, top_k: int) -> nn.Module:
    """transformers' MixtralSparseMoeBlock with the shape, dtype and weights of `model`."""
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    config = MixtralConfig(
        hidden_size=width, intermediate_size=hidden, num_local_experts=experts, num_experts_per_tok=top_k
    )
    theirs = MixtralSparseMoeBlock(config).to(model.router.linear.weight.dtype)
    return load(theirs, experts_to_transformers(parameters(model), experts))


def transformers_deepseek(
    model: MixtureOfExperts,
    width: int,
    hidden: int,
    experts: int,
    top_k: int,
    groups: int,
    open_groups: int,
    shared: int,
) -> nn.Module:
    """transformers' DeepseekV3MoE with the shape, dtype, weights and biases of `model`."""
    from transformers import DeepseekV3Config
    from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE

    config = DeepseekV3Config(
        hidden_size=width,
        moe_intermediate_size=hidden,
        n_routed_experts=experts,
        num_experts_per_tok=top_k,
        n_group=groups,
        topk_group=open_groups,
        n_shared_experts=shared,
        norm_topk_prob=True,
        routed_scaling_factor=1.0,
    )
    theirs = DeepseekV3MoE(config).to(model.router.linear.weight.dtype)
    weights = parameters(model)
    return load(
        theirs,
        {
            **experts_to_transformers(weights, experts),
            **shared_to_transformers(weights),
            "gate.e_score_correction_bias": model.router.bias,
        },
    )


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert value.abs().max() > 1e-6, f"{name}: nothing compared"
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def run(model: nn.Module, x: Tensor, direction: Tensor) -> dict[str, Tensor]:
    """Output and the input's gradient; the gradients of the parameters stay in the model."""
    given = x.clone().requires_grad_()
    output = model(given)
    (output * direction).sum().backward()
    return {"output": output, "of x": given.grad}


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("shape", MIXTRAL)
def test_a_mixture_and_its_gradients_are_those_of_mixtral(shape, dtype, tolerance):
    width, hidden, experts, top_k = shape
    torch.manual_seed(0)
    router = SoftmaxRouter(width, experts, top_k)
    ours = disturb(MixtureOfExperts(router, [SwiGLU(width, hidden) for _ in range(experts)]).to(dtype))
    theirs = transformers_mixtral(ours, *shape)
    x, direction = torch.randn(2, 3, 13, width, dtype=dtype)

    seen = run(ours, x, direction)
    with no_rounding_to_float32(dtype):
        expected = run(theirs, x, direction)

    assert_same(seen, expected, tolerance)
    assert_same(experts_to_transformers(gradients(ours), experts), gradients(theirs), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("shape", DEEPSEEK)
def test_a_mixture_and_its_gradients_are_those_of_deepseek(shape, dtype, tolerance):
    width, hidden, experts, top_k, groups, open_groups, shared = shape
    torch.manual_seed(0)
    router = SigmoidRouter(width, experts, top_k, groups, open_groups)
    router.bias += 0.2 * torch.randn(experts)
    routed = [SwiGLU(width, hidden) for _ in range(experts)]
    ours = disturb(MixtureOfExperts(router, routed, SwiGLU(width, shared * hidden)).to(dtype))
    theirs = transformers_deepseek(ours, *shape)
    x, direction = torch.randn(2, 3, 13, width, dtype=dtype)

    seen = run(ours, x, direction)
    with no_rounding_to_float32(dtype):
        expected = run(theirs, x, direction)

    assert_same(seen, expected, tolerance)
    our_gradients, their_gradients = gradients(ours), gradients(theirs)
    ours_by_their_names = experts_to_transformers(our_gradients, experts) | shared_to_transformers(our_gradients)
    if top_k == 1:  # the one weight is 1 whatever the router says
        assert ours_by_their_names.pop("gate.weight").abs().max() < 1e-6
        their_gradients.pop("gate.weight")
    assert_same(ours_by_their_names, their_gradients, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("top_k", [1, 2])
def test_the_balancing_loss_and_its_gradient_are_those_of_mixtral(top_k, masked, dtype, tolerance):
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    torch.manual_seed(0)
    router = SoftmaxRouter(16, 5, top_k).to(dtype)
    x = torch.randn(4 * 7, 16, dtype=dtype)
    real = torch.rand(4, 7) < 0.7 if masked else None

    loss = load_balancing_loss(router(x), None if real is None else real.flatten())
    weight = router.linear.weight.detach().clone().requires_grad_()
    with no_rounding_to_float32(dtype):
        expected = load_balancing_loss_func((x @ weight.T,), 5, top_k, None if real is None else real.long())
    loss.backward()
    expected.backward()

    assert_same(
        {"loss": loss, "router": router.linear.weight.grad}, {"loss": expected, "router": weight.grad}, tolerance
    )
