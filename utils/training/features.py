"""What vision towers that stay as they are see of pictures: computed once, and then learnt from."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from utils.models.llava import patch_features
from utils.models.vit import ViT
from utils.training.checkpoints import load_checkpoint


@torch.no_grad()
def picture_features(pictures: UInt8[Tensor, "*shape 3 height width"]) -> Float[Tensor, "*shape features"]:
    """Return the embedding of each picture by the checkpoint "clip_scenes", of length 1; leading dimensions stay."""
    clip, _ = load_checkpoint("clip_scenes")
    flat = pictures.flatten(0, -4)
    return torch.cat([clip.encode_image(some) for some in flat.split(512)]).unflatten(0, pictures.shape[:-3])


@torch.no_grad()
def see(vision: ViT, pictures: Tensor) -> Float[Tensor, "pictures patches width"]:
    """Return the patch vectors of pictures by a vision tower that stays as it is."""
    device = next(vision.parameters()).device
    return torch.cat([patch_features(vision, some.to(device)) for some in pictures.split(500)])
