"""LXMERT: a language encoder, an object-relationship encoder, and layers in which both cross.

Tan and Bansal 2019, "LXMERT: Learning cross-modality encoder representations from transformers", sections 2.1 and 2.2,
figure 1. A cross-modality layer is cross-attention in both directions, then self-attention and feed-forward in each
stream. As in the authors' code one cross-attention, with one set of weights, serves both directions. The paper's
objects are here the patches of a vision tower, each with its box. Theirs reads its answer from <start> alone; here it
is read as in the models beside it, which differ from it in nothing but their fusion.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.bert import EncoderBlock
from utils.models.blocks import CrossAttention, initialise
from utils.models.joint import BOX, AnswerHead, WordEmbedding, boxes, check_rows, everywhere
from utils.world.questions import ANSWERS
from utils.world.tokenizer import BASE_VOCABULARY, CONTEXT_LENGTH, PAD


@dataclass(frozen=True)
class LXMERTConfig:
    """Sizes of LXMERT: the numbers of language, object-relationship and cross-modality layers (N_L, N_R and N_X)."""

    picture_width: int
    text_depth: int = 1
    vision_depth: int = 1
    cross_depth: int = 1
    vocabulary: int = BASE_VOCABULARY
    length: int = CONTEXT_LENGTH
    width: int = 96
    heads: int = 4
    hidden: int = 384
    outputs: int = len(ANSWERS)

    def __post_init__(self):
        if min(self.text_depth, self.vision_depth) < 0 or self.cross_depth < 1:
            raise ValueError(
                "LXMERT has 0 or more layers for words and for patches alone and 1 or more for both, not "
                f"{self.text_depth}, {self.vision_depth} and {self.cross_depth}"
            )


class ObjectEmbedding(nn.Module):
    """The mean of what an object looks like and of where it is, each projected and normalised (equation 1)."""

    def __init__(self, picture_width: int, width: int):
        super().__init__()
        self.features, self.norm_features = nn.Linear(picture_width, width), nn.LayerNorm(width)
        self.box, self.norm_box = nn.Linear(BOX, width), nn.LayerNorm(width)

    def forward(self, patches: Float[Tensor, "batch patches picture_width"]) -> Float[Tensor, "batch patches width"]:
        """Return a vector for each patch."""
        return (self.norm_features(self.features(patches)) + self.norm_box(self.box(boxes(patches)))) / 2


class CrossModalityLayer(nn.Module):
    """Each stream looks at the other, by the same weights, then at itself; then comes its feed-forward network."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.cross_attention = CrossAttention(width, heads)
        self.norm = nn.LayerNorm(width)
        self.words_block, self.patches_block = EncoderBlock(width, heads, hidden), EncoderBlock(width, heads, hidden)

    def cross(
        self,
        x: Float[Tensor, "batch length width"],
        other: Float[Tensor, "batch keys width"],
        mask: Bool[Tensor, "batch keys"],
    ) -> Float[Tensor, "batch length width"]:
        """Return `x` after it has looked at the `other` stream where `mask` is True; the same for both directions."""
        return self.norm(x + self.cross_attention(x, other, mask))

    def forward(
        self,
        words: Float[Tensor, "batch length width"],
        patches: Float[Tensor, "batch patches width"],
        is_word: Bool[Tensor, "batch length"],
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches width"]]:
        """Return both streams. What each sees of the other is as it was before this layer."""
        is_patch = everywhere(patches)
        words, patches = self.cross(words, patches, is_patch), self.cross(patches, words, is_word)
        return self.words_block(words, is_word), self.patches_block(patches, is_patch)


class LXMERT(nn.Module):
    """A question and the patch vectors of a picture in, a score for each answer out."""

    def __init__(self, config: LXMERTConfig):
        super().__init__()
        self.config = config
        sizes = (config.width, config.heads, config.hidden)
        self.words = WordEmbedding(config.vocabulary, config.length, config.width)
        self.patches = ObjectEmbedding(config.picture_width, config.width)
        self.text_blocks = nn.ModuleList(EncoderBlock(*sizes) for _ in range(config.text_depth))
        self.vision_blocks = nn.ModuleList(EncoderBlock(*sizes) for _ in range(config.vision_depth))
        self.layers = nn.ModuleList(CrossModalityLayer(*sizes) for _ in range(config.cross_depth))
        self.head = AnswerHead(config.width, config.width, config.outputs)
        initialise(self)

    def streams(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches width"]]:
        """Return both streams after their own encoders: what comes to the first cross-modality layer."""
        check_rows(tokens, patches, self.config.picture_width)
        words, is_word = self.words(tokens), tokens != PAD
        for block in self.text_blocks:
            words = block(words, is_word)
        seen, is_patch = self.patches(patches), everywhere(patches)
        for block in self.vision_blocks:
            seen = block(seen, is_patch)
        return words, seen

    def encode(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches width"]]:
        """Return a vector for each token and one for each patch, after all layers."""
        words, seen = self.streams(tokens, patches)
        for layer in self.layers:
            words, seen = layer(words, seen, tokens != PAD)
        return words, seen

    def forward(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> Float[Tensor, "batch outputs"]:
        """Return a score for each answer, for each question about the picture in its row."""
        return self.head(*self.encode(tokens, patches))

    @torch.no_grad()
    def looks(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> Float[Tensor, "batch layers heads length patches"]:
        """Return where each token looks in its picture, in each cross-modality layer and head: shares that sum to 1."""
        (words, seen), maps = self.streams(tokens, patches), []
        for layer in self.layers:
            maps.append(layer.cross_attention.weights(words, seen))
            words, seen = layer(words, seen, tokens != PAD)
        return torch.stack(maps, dim=1)
