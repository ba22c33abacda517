"""The CNN image encoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from utils.models.blocks import count_parameters
from utils.models.cnn import CNN, CNNConfig, ConvolutionAndNorm, ResidualBlock
from utils.models.vit import ViT, ViTConfig, to_pixels
from utils.training.loop import overfit
from utils.world import render_pictures, sample_scenes


def test_it_stands_where_a_vit_stands_same_tokens_same_width_and_about_as_many_parameters():
    cnn, vit = CNN(CNNConfig()), ViT(ViTConfig())
    pixels = torch.randn(2, 3, 32, 32)
    assert cnn(pixels).shape == vit(pixels).shape == (2, 17, 96)
    assert cnn(pixels, first=1).shape == (2, 1, 96)
    assert count_parameters(cnn) / count_parameters(vit) == pytest.approx(1, abs=0.1)


def test_the_first_token_is_the_mean_of_the_places():
    tokens = CNN(CNNConfig()).eval()(torch.randn(2, 3, 32, 32))
    torch.testing.assert_close(tokens[:, 0], tokens[:, 1:].mean(1))


def test_what_moves_in_the_picture_moves_in_the_map():
    """Where a ViT must learn that a shape is the same elsewhere, a CNN is built so; away from the edges, exactly."""
    model = CNN(CNNConfig(image_size=64)).eval()
    pixels = torch.zeros(1, 3, 64, 64)
    pixels[:, :, 24:30, 24:30] = torch.randn(3, 6, 6)
    here = model(pixels)[0, 1:].view(8, 8, -1)
    there = model(pixels.roll((8, 16), dims=(2, 3)))[0, 1:].view(8, 8, -1)
    ground = model(torch.zeros_like(pixels))[0, 1:].view(8, 8, -1)
    moved = (here - ground).roll((1, 2), dims=(0, 1))
    strength = moved.norm(dim=2)
    peak = divmod(int(strength.argmax()), 8)
    assert strength[peak] > 0
    torch.testing.assert_close((there - ground)[peak], moved[peak], rtol=0.05, atol=0.05 * strength[peak].item())


def test_a_block_adds_to_what_came_in():
    block = ResidualBlock(4, 4).eval()
    torch.nn.init.zeros_(block.second.convolution.weight)
    x = torch.rand(1, 4, 5, 5)
    assert torch.equal(block(x), x)
    assert sum(1 for _ in block.shortcut.parameters()) == 0
    assert isinstance(ResidualBlock(4, 8).shortcut, ConvolutionAndNorm)
    assert ResidualBlock(4, 8, stride=2)(torch.rand(2, 4, 6, 6)).shape == (2, 8, 3, 3)


def test_convolution_and_norm_are_those_of_torch():
    layer = ConvolutionAndNorm(3, 5, stride=2).double()
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    maps = F.conv2d(x, layer.convolution.weight, stride=2, padding=1)
    expected = (maps - maps.mean((0, 2, 3), keepdim=True)) / (
        maps.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5
    ).sqrt()
    torch.testing.assert_close(layer(x), expected)


def test_it_learns_a_small_batch_by_heart():
    scenes = sample_scenes(32, seed=0, objects=(1, 1))
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"cnn": CNN(CNNConfig(stages=(16, 32), depth=1)), "head": torch.nn.Linear(32, 8)})

    def loss(model, pixels, colours):
        return F.cross_entropy(model["head"](model["cnn"](pixels, first=1)[:, 0]), colours)

    history = overfit(
        model, (to_pixels(render_pictures(scenes)), scenes.colour[:, 0]), loss, steps=60, learning_rate=1e-2
    )
    assert history.losses[-1] < 0.1 < history.losses[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: CNNConfig(image_size=20), "image_size 20 must be a multiple of 8"),
        (lambda: CNN(CNNConfig())(torch.zeros(1, 1, 32, 32)), r"\[batch, 3, 32, 32\], not \[1, 1, 32, 32\]"),
        (lambda: CNN(CNNConfig())(torch.zeros(1, 3, 16, 16)), r"not \[1, 3, 16, 16\]"),
    ],
)
def test_other_sizes_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
