"""A convolutional network that reads pictures as the ViT does: the same pixels in, the same kind of tokens out.

He et al. 2016, "Deep residual learning for image recognition": basic blocks (figure 5, left), projection shortcuts
where the size changes (equation 2), batch normalisation after every convolution (section 3.4), weights drawn as in He
et al. 2015, "Delving deep into rectifiers". The stem is one small convolution, since the pictures have 32 pixels a side
and not 224.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class CNNConfig:
    """Sizes of a CNN: the channels of the stem and of each stage, and how many blocks a stage has.

    The stem and every stage but the first halve the picture's sides. By default there are about as many parameters as
    in a default `ViTConfig`, as many tokens come out, and they are as wide.
    """

    image_size: int = 32
    channels: int = 3
    stem: int = 32
    stages: tuple[int, ...] = (32, 64, 96)
    depth: int = 2

    @property
    def width(self) -> int:
        """How many numbers stand for the picture, and for each of its places."""
        return self.stages[-1]

    @property
    def places(self) -> int:
        """How many places the last stage still tells apart."""
        return (self.image_size // 2 ** len(self.stages)) ** 2

    def __post_init__(self):
        if not self.stages or self.image_size % 2 ** len(self.stages):
            raise ValueError(
                f"image_size {self.image_size} must be a multiple of {2 ** len(self.stages)}, "
                f"because the stem and the stages halve it {len(self.stages)} times"
            )


class ConvolutionAndNorm(nn.Module):
    """A convolution that keeps the sides of a map, or divides them by `stride`, and batch normalisation after it."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out height2 width2"]:
        """Return the map of features, normalised."""
        return self.norm(self.convolution(x))


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to what came in (He et al. 2016, equations 1 and 2)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1):
        super().__init__()
        self.first = ConvolutionAndNorm(channels_in, channels_out, stride=stride)
        self.second = ConvolutionAndNorm(channels_out, channels_out)
        same = channels_in == channels_out and stride == 1
        self.shortcut = nn.Identity() if same else ConvolutionAndNorm(channels_in, channels_out, 1, stride)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out height2 width2"]:
        """Return the map after both convolutions and the shortcut."""
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class CNN(nn.Module):
    """A ResNet without a head: pixels in, one vector for the picture and one for each place of the last map out."""

    def __init__(self, config: CNNConfig):
        super().__init__()
        self.config = config
        self.stem = ConvolutionAndNorm(config.channels, config.stem, stride=2)
        blocks, channels = [], config.stem
        for number, out in enumerate(config.stages):
            for layer in range(config.depth):
                blocks.append(ResidualBlock(channels, out, stride=2 if number and not layer else 1))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(
        self, pixels: Float[Tensor, "batch channels height width"], first: int | None = None
    ) -> Float[Tensor, "batch tokens width"]:
        """Return the mean over all places at position 0 and then one vector a place, in reading order.

        Whoever reads only the `first` of them may say so, as of a ViT.
        """
        expected = (self.config.channels, self.config.image_size, self.config.image_size)
        if pixels.shape[1:] != expected:
            raise ValueError(
                f"this CNN takes pixels of shape [batch, {', '.join(map(str, expected))}], not {list(pixels.shape)}"
            )
        features = self.blocks(F.relu(self.stem(pixels)))
        places = rearrange(features, "b c row column -> b (row column) c")
        return torch.cat([places.mean(1, keepdim=True), places], dim=1)[:, :first]
