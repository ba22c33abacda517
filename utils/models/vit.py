"""The Vision Transformer: a picture read as a sentence of patches.

Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1. CLIP's vision tower is the same network with one
more layer normalisation in front and no bias in the patch embedding (Radford et al. 2021, section 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from utils.models.blocks import Block, initialise


@dataclass(frozen=True)
class ViTConfig:
    """Sizes of a ViT. `clip_style` gives the vision tower of CLIP: normalised embeddings, no bias on patches."""

    image_size: int = 32
    patch_size: int = 8
    channels: int = 3
    width: int = 96
    depth: int = 4
    heads: int = 4
    hidden: int = 384
    clip_style: bool = False

    @property
    def patches(self) -> int:
        """How many patches a picture is cut into."""
        return (self.image_size // self.patch_size) ** 2

    def __post_init__(self):
        if self.image_size % self.patch_size:
            raise ValueError(f"image_size {self.image_size} must be a multiple of patch_size {self.patch_size}")


class PatchEmbedding(nn.Module):
    """Cuts a picture into square patches and maps each to a vector: a linear layer over the patch's pixels."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.patch_size = config.patch_size
        self.project = nn.Linear(config.channels * config.patch_size**2, config.width, bias=not config.clip_style)

    def forward(self, pixels: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch patches width"]:
        """Return one vector a patch, in reading order."""
        p = self.patch_size
        return self.project(rearrange(pixels, "b c (row p) (column q) -> b (row column) (c p q)", p=p, q=p))


class ViT(nn.Module):
    """A Vision Transformer without a head: pixels in, one vector for the picture and one for each patch out."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.config = config
        self.patch_embedding = PatchEmbedding(config)
        self.class_token = nn.Parameter(torch.zeros(config.width))
        self.positions = nn.Parameter(torch.zeros(1 + config.patches, config.width))
        self.norm_in = nn.LayerNorm(config.width) if config.clip_style else nn.Identity()
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.hidden) for _ in range(config.depth))
        self.norm_out = nn.LayerNorm(config.width)
        initialise(self)
        nn.init.normal_(self.class_token, std=0.02)
        nn.init.normal_(self.positions, std=0.02)

    def forward(
        self, pixels: Float[Tensor, "batch channels height width"], first: int | None = None
    ) -> Float[Tensor, "batch tokens width"]:
        """Return the class token's vector at position 0 and then one vector a patch, normalised.

        Whoever reads only the `first` of them says so, and saves most of the last block.
        """
        return self.norm_out(self.blocks[-1](self.before_last_block(pixels), first))

    def before_last_block(
        self, pixels: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens width"]:
        """Return the class token's vector and then one vector a patch, as they come to the last block."""
        expected = (self.config.channels, self.config.image_size, self.config.image_size)
        if pixels.shape[1:] != expected:
            raise ValueError(
                f"this ViT takes pixels of shape [batch, {', '.join(map(str, expected))}], not {list(pixels.shape)}"
            )
        patches = self.patch_embedding(pixels)
        class_token = self.class_token.expand(len(patches), 1, -1)
        x = self.norm_in(torch.cat([class_token, patches], dim=1) + self.positions)
        for block in self.blocks[:-1]:
            x = block(x)
        return x


def to_pixels(pictures: Tensor) -> Float[Tensor, "batch channels height width"]:
    """Return pictures of 0 to 255 as numbers from -1 to 1, which is what the models take."""
    return (pictures / 127.5).sub_(1)
