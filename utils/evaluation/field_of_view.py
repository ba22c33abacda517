"""What a place of an image encoder sees: which pixels would change its features, layer by layer.

Luo et al. 2016, "Understanding the effective receptive field in deep convolutional neural networks", section 2: the
gradient of a place's features with respect to the pixels. It is taken the same way of a CNN and of a ViT, so that the
two can be compared where attention weights and kernels cannot.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from utils.models.cnn import CNN
from utils.models.vit import ViT, to_pixels


def feature_maps(
    encoder: CNN | ViT, pixels: Float[Tensor, "batch channels height width"]
) -> dict[str, Float[Tensor, "batch features rows columns"]]:
    """Return the features of each place after every layer, by the layer's name; a ViT's class token is left out."""
    maps = {}
    if isinstance(encoder, CNN):
        x = maps["stem"] = F.relu(encoder.stem(pixels))
        for number, block in enumerate(encoder.blocks, start=1):
            x = maps[f"block {number}"] = block(x)
        return maps
    patches = encoder.patch_embedding(pixels)
    x = encoder.norm_in(
        torch.cat([encoder.class_token.expand(len(patches), 1, -1), patches], dim=1) + encoder.positions
    )
    states = {"patches": x}
    for number, block in enumerate(encoder.blocks, start=1):
        x = states[f"block {number}"] = block(x)
    rows = encoder.config.image_size // encoder.config.patch_size
    return {name: rearrange(x[:, 1:], "b (row column) f -> b f row column", row=rows) for name, x in states.items()}


def fields_of_view(
    encoder: CNN | ViT, picture: UInt8[Tensor, "3 height width"], grid: int = 4
) -> dict[str, Float[Tensor, "grid grid height width"]]:
    """Return for each layer, and for `grid` x `grid` places of its map, how much every pixel matters there.

    The most important pixel has 1, and one that cannot matter has 0. Of a map with more places than `grid` a side those
    in the middle of each part are taken.
    """
    encoder.eval()
    copies = to_pixels(picture).expand(grid * grid, -1, -1, -1).clone().requires_grad_()
    views = {}
    for name, features in feature_maps(encoder, copies).items():
        part = features.shape[-1] // grid
        middles = features[:, :, part // 2 :: part, part // 2 :: part].flatten(2)
        own = middles.diagonal(dim1=0, dim2=2)  # of copy i, place i
        (gradient,) = torch.autograd.grad(own.norm(dim=0).sum(), copies, retain_graph=True)
        strength = gradient.abs().sum(1)
        strength = strength / strength.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        views[name] = rearrange(strength, "(row column) h w -> row column h w", row=grid)
    return views
