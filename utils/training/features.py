"""Embeddings of pictures by the course's own CLIP, for models that leave their eye as it is."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from utils.training.checkpoints import load_checkpoint


@torch.no_grad()
def picture_features(pictures: UInt8[Tensor, "*shape 3 height width"]) -> Float[Tensor, "*shape features"]:
    """Return the embedding of each picture by the checkpoint "clip_scenes", of length 1; leading dimensions stay."""
    clip, _ = load_checkpoint("clip_scenes")
    flat = pictures.flatten(0, -4)
    return torch.cat([clip.encode_image(some) for some in flat.split(512)]).unflatten(0, pictures.shape[:-3])
