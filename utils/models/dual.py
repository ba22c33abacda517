"""A dual encoder of the size of a `JointTransformer`: the same layers, words and patches apart to the end.

Two towers each give one vector of length 1, and their dot product says how well a caption fits a picture (Radford et
al. 2021, section 2.3). Beside a `JointTransformer` with one output, which reads caption and picture together, it shows
what is gained where they meet early, and what it costs: here either tower can do its work before it knows the other's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.bert import EncoderBlock
from utils.models.blocks import initialise
from utils.models.joint import RegionEmbedding, WordEmbedding, check_rows, everywhere
from utils.world.tokenizer import BASE_VOCABULARY, CONTEXT_LENGTH, PAD


@dataclass(frozen=True)
class DualConfig:
    """Sizes of a dual encoder of patch vectors of `picture_width` and captions; its space has `space` dimensions.

    `bias` is where the learnt bias of the logits begins: the log-odds of a match (Zhai et al. 2023, section 3.2).
    """

    picture_width: int
    text_depth: int = 2
    vision_depth: int = 2
    vocabulary: int = BASE_VOCABULARY
    length: int = CONTEXT_LENGTH
    width: int = 96
    heads: int = 4
    hidden: int = 384
    space: int = 96
    temperature: float = 0.1
    bias: float = 0.0


class DualEncoder(nn.Module):
    """A caption and the patch vectors of a picture in, the log-odds that they match out.

    It is called as a `JointTransformer` is, so that one can stand for the other.
    """

    def __init__(self, config: DualConfig):
        super().__init__()
        self.config = config
        self.words = WordEmbedding(config.vocabulary, config.length, config.width)
        self.patches = RegionEmbedding(config.picture_width, config.width)
        self.text_blocks, self.vision_blocks = (
            nn.ModuleList(EncoderBlock(config.width, config.heads, config.hidden) for _ in range(depth))
            for depth in (config.text_depth, config.vision_depth)
        )
        self.text_projection = nn.Linear(config.width, config.space, bias=False)
        self.vision_projection = nn.Linear(config.width, config.space, bias=False)
        initialise(self)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / config.temperature)))
        self.logit_bias = nn.Parameter(torch.tensor(float(config.bias)))

    def encode_text(self, tokens: Int[Tensor, "texts length"]) -> Float[Tensor, "texts space"]:
        """Return a unit vector for each caption: what <start> has read."""
        x, is_word = self.words(tokens), tokens != PAD
        for block in self.text_blocks:
            x = block(x, is_word)
        return F.normalize(self.text_projection(x[:, 0]), dim=-1)

    def encode_patches(
        self, patches: Float[Tensor, "pictures patches picture_width"]
    ) -> Float[Tensor, "pictures space"]:
        """Return a unit vector for each picture: the mean over its patches."""
        x, is_patch = self.patches(patches), everywhere(patches)
        for block in self.vision_blocks:
            x = block(x, is_patch)
        return F.normalize(self.vision_projection(x.mean(dim=1)), dim=-1)

    def forward(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> Float[Tensor, "batch 1"]:
        """Return the log-odds that each caption belongs to the picture in its row."""
        check_rows(tokens, patches, self.config.picture_width)
        cosines = (self.encode_text(tokens) * self.encode_patches(patches)).sum(dim=1, keepdim=True)
        return self.logit_scale.exp() * cosines + self.logit_bias
