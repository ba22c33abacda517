"""Our LoRA computes what peft's does under the same weights: outputs, every gradient, and the merged weights."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from weights import disturb

from utils.models.blocks import Block, count_parameters
from utils.models.lora import add_lora, image_tokens, lora_layers, merge_lora
from utils.models.vit import ViT, ViTConfig

peft = pytest.importorskip("peft", reason="the oracle; pip install -e '.[test]'")

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
CHOICES = [  # our pattern, peft's names, rank, alpha
    pytest.param("*.attention.*", ["query_key_value", "output"], 3, 6, id="attention"),
    pytest.param("*.expand", ["expand"], 1, 5, id="rank-1"),
    pytest.param("*", "all-linear", 7, 0.3, id="all"),
]


def pair(pattern, names, rank, alpha, dtype, partial=False) -> tuple[nn.Module, nn.Module, nn.Module]:
    """The base, and the same with our LoRA and with peft's, whose A and B are drawn by peft."""
    torch.manual_seed(0)
    base = disturb(nn.Sequential(Block(16, 2, 24, causal=True), Block(16, 4, 20))).to(dtype)
    ours = deepcopy(base)
    add_lora(ours, pattern, rank, alpha, partial)
    config = peft.LoraConfig(target_modules=names, r=rank, lora_alpha=alpha, init_lora_weights=False)
    theirs = peft.get_peft_model(deepcopy(base), config)
    with torch.no_grad():
        for name, parameter in theirs_by_our_names(theirs).items():
            ours.get_parameter(name).copy_(parameter)
    return base, ours, theirs


def theirs_by_our_names(theirs: nn.Module) -> dict[str, Tensor]:
    """peft's A and B."""
    return {
        name.removeprefix("base_model.model.").replace(".default.weight", ""): parameter
        for name, parameter in theirs.named_parameters()
        if ".lora_" in name
    }


def close(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    assert theirs.abs().max() > 1e-6, "nothing compared"


@pytest.mark.parametrize("partial", [False, True], ids=["lora", "partial-on-all-tokens"])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("pattern", "names", "rank", "alpha"), CHOICES)
def test_outputs_and_gradients_are_those_of_peft(pattern, names, rank, alpha, dtype, tolerance, partial):
    base, ours, theirs = pair(pattern, names, rank, alpha, dtype, partial)
    x, direction = torch.randn(2, 3, 5, 16, dtype=dtype)
    x_ours, x_theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    if partial:
        with image_tokens(ours, torch.ones(3, 5, dtype=torch.bool)):
            output = ours(x_ours)
    else:
        output = ours(x_ours)
    expected = theirs(x_theirs)
    (output * direction).mean().backward()
    (expected * direction).mean().backward()
    close(output, expected, tolerance)
    close(x_ours.grad, x_theirs.grad, tolerance)
    assert not torch.allclose(output, base(x), atol=1e-3)
    parameters = theirs_by_our_names(theirs)
    assert len(parameters) == 2 * len(lora_layers(ours))
    for name, parameter in parameters.items():
        close(ours.get_parameter(name).grad, parameter.grad, tolerance)
    reached = {name for name, parameter in ours.named_parameters() if parameter.grad is not None}
    assert reached == parameters.keys(), "the base is frozen"


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("pattern", "names", "rank", "alpha"), CHOICES)
def test_merged_weights_are_those_of_peft(pattern, names, rank, alpha, dtype, tolerance):
    _, ours, theirs = pair(pattern, names, rank, alpha, dtype)
    merge_lora(ours)
    expected = theirs.merge_and_unload().state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, tensor in ours.state_dict().items():
        close(tensor, expected[name], tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_partial_lora_in_a_layer_is_peft_at_the_picture_and_the_base_at_the_text(dtype, tolerance):
    base, ours, theirs = pair("*.expand", ["expand"], 4, 8, dtype, partial=True)
    x, mask = torch.randn(2, 6, 16, dtype=dtype), torch.rand(2, 6) < 0.5
    models = base, ours, theirs.base_model.model
    plain, partial, full = (model.get_submodule("0.feed_forward.expand") for model in models)
    with image_tokens(ours, mask):
        output = partial(x)
    close(output[mask], full(x)[mask], tolerance)
    assert torch.equal(output[~mask], plain(x)[~mask])


def test_we_train_as_many_parameters_as_peft():
    model = ViT(ViTConfig(width=16, depth=2, heads=2, hidden=32))
    config = peft.LoraConfig(target_modules="all-linear", r=4)
    trained, _ = peft.get_peft_model(deepcopy(model), config).get_nb_trainable_parameters()
    add_lora(model, "*", 4, 8)
    assert count_parameters(model) == trained
