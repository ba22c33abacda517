"""Our CNN computes what transformers' ResNet does under the same weights: outputs, statistics, and every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from weights import disturb, gradients

from utils.models.cnn import CNN, CNNConfig

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
CONFIGS = [
    pytest.param(CNNConfig(stem=8, stages=(8, 12), depth=2, image_size=16), id="two-stages"),
    pytest.param(CNNConfig(stem=6, stages=(10, 14, 9), depth=1, channels=1, image_size=24), id="odd"),
    pytest.param(CNNConfig(stem=7, stages=(5,), depth=3, image_size=12), id="one-stage"),
]
PARTS = {"first": "layer.0", "second": "layer.1", "shortcut": "shortcut"}


def to_transformers(name: str, config: CNNConfig) -> str:
    """transformers' name of one of our parameters or buffers."""
    name = name.replace("norm.", "normalization.")
    if name.startswith("stem."):
        return f"embedder.embedder.{name.removeprefix('stem.')}"
    _, number, part, rest = name.split(".", 3)
    stage, layer = divmod(int(number), config.depth)
    return f"encoder.stages.{stage}.layers.{layer}.{PARTS[part]}.{rest}"


def transformers_resnet(model: CNN) -> nn.Module:
    """transformers' ResNetModel with the shape, dtype and weights of `model`, and a stem for small pictures."""
    from transformers import ResNetConfig, ResNetModel

    config = model.config
    theirs = ResNetModel(
        ResNetConfig(
            num_channels=config.channels,
            embedding_size=config.stem,
            hidden_sizes=list(config.stages),
            depths=[config.depth] * len(config.stages),
            layer_type="basic",
        )
    )
    # Theirs begins with a 7 x 7 convolution and max pooling, which leave too little of 32 pixels.
    stem = theirs.embedder.embedder
    stem.convolution = nn.Conv2d(config.channels, config.stem, 3, stride=2, padding=1, bias=False)
    theirs.embedder.pooler = nn.Identity()
    theirs.to(model.stem.norm.weight.dtype)
    weights = {to_transformers(name, config): value for name, value in model.state_dict().items()}
    theirs.load_state_dict(weights, strict=True)
    return theirs


def tokens(features: torch.Tensor) -> torch.Tensor:
    places = features.flatten(2).transpose(1, 2)
    return torch.cat([places.mean(1, keepdim=True), places], dim=1)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_cnn_and_its_gradients_are_those_of_transformers(config, dtype, tolerance, training):
    torch.manual_seed(0)
    ours = disturb(CNN(config).to(dtype))
    theirs = transformers_resnet(ours).train(training)
    ours.train(training)
    size = (6, config.channels, config.image_size, config.image_size)
    pixels = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(dtype)
    direction = torch.randn(6, 1 + config.places, config.width, dtype=dtype)

    our_pixels, their_pixels = pixels.clone().requires_grad_(), pixels.clone().requires_grad_()
    our_output = ours(our_pixels)
    their_output = tokens(theirs(their_pixels).last_hidden_state)
    (our_output * direction).mean().backward()
    (their_output * direction).mean().backward()

    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(our_output, their_output, **close)
    torch.testing.assert_close(our_pixels.grad, their_pixels.grad, **close)
    our_gradients = {to_transformers(name, config): value for name, value in gradients(ours).items()}
    their_gradients = gradients(theirs)
    assert our_gradients.keys() == their_gradients.keys() == dict(theirs.named_parameters()).keys()
    for name, value in their_gradients.items():
        torch.testing.assert_close(our_gradients[name], value, **close, msg=lambda text, name=name: f"{name}: {text}")
        assert value.abs().max() > 0, f"nothing compared: {name}"
    buffers = dict(theirs.named_buffers())
    for name, value in ours.named_buffers():
        torch.testing.assert_close(value, buffers[to_transformers(name, config)], **close)


def test_one_weight_off_by_a_thousandth_is_noticed():
    config = CONFIGS[0].values[0]
    torch.manual_seed(0)
    ours = disturb(CNN(config).double()).eval()
    theirs = transformers_resnet(ours).eval()
    pixels = torch.randn(6, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        expected = tokens(theirs(pixels).last_hidden_state)
        unnoticed = []
        for name, parameter in ours.named_parameters():
            kept = parameter.clone()
            parameter += 1e-3
            if not (ours(pixels) - expected).abs().max() > 1e-7:
                unnoticed.append(name)
            parameter.copy_(kept)
    assert unnoticed == []
