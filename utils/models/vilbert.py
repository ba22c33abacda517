"""ViLBERT: two streams, each with its own Transformer, that look at each other by co-attention.

Lu et al. 2019, "ViLBERT: Pretraining task-agnostic visiolinguistic representations for vision-and-language tasks",
section 2.2, figures 1 and 2b: the queries of words meet the keys and values of patches, and the other way
round, at the same moment. Each stream keeps its own width and depth: words go through layers of their own before the
first co-attention, while patches, which come from a vision tower, go in at once. Of their box the fraction of the
picture that it covers is left out, as all patches are equally large.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.bert import EncoderBlock
from utils.models.blocks import CrossAttention, FeedForward, initialise
from utils.models.joint import AnswerHead, RegionEmbedding, WordEmbedding, check_rows, everywhere
from utils.world.questions import ANSWERS
from utils.world.tokenizer import BASE_VOCABULARY, CONTEXT_LENGTH, PAD


@dataclass(frozen=True)
class ViLBERTConfig:
    """Sizes of ViLBERT: `text_depth` layers for words alone, then `depth` pairs of a co-attention and its own layers.

    Patch vectors come with `picture_width`; the stream of patches is `vision_width` wide, and its parts likewise.
    """

    picture_width: int
    text_depth: int = 0
    depth: int = 1
    vocabulary: int = BASE_VOCABULARY
    length: int = CONTEXT_LENGTH
    width: int = 96
    heads: int = 4
    hidden: int = 384
    vision_width: int = 96
    vision_heads: int = 4
    vision_hidden: int = 384
    outputs: int = len(ANSWERS)

    def __post_init__(self):
        if self.text_depth < 0 or self.depth < 1:
            raise ValueError(
                "ViLBERT has 0 or more layers for words alone and 1 or more of co-attention, not "
                f"{self.text_depth} and {self.depth}"
            )


class CoAttention(nn.Module):
    """One stream's half of a co-attentional layer (figure 2b): a Transformer block whose keys and values are another's.

    Attention, then feed-forward; each is added to what came in and then normalised.
    """

    def __init__(self, width: int, heads: int, hidden: int, other_width: int):
        super().__init__()
        self.attention = CrossAttention(width, heads, other_width)
        self.norm_1 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden)
        self.norm_2 = nn.LayerNorm(width)

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        other: Float[Tensor, "batch keys other_width"],
        mask: Bool[Tensor, "batch keys"],
    ) -> Float[Tensor, "batch length width"]:
        """Return all positions of `x` after they have looked at those of the `other` stream where `mask` is True."""
        x = self.norm_1(x + self.attention(x, other, mask))
        return self.norm_2(x + self.feed_forward(x))


class CoAttentionLayer(nn.Module):
    """Both streams look at each other, and then each at itself (Co-TRM and TRM in figure 1)."""

    def __init__(self, config: ViLBERTConfig):
        super().__init__()
        text = (config.width, config.heads, config.hidden)
        vision = (config.vision_width, config.vision_heads, config.vision_hidden)
        self.words_to_patches, self.patches_to_words = CoAttention(*text, vision[0]), CoAttention(*vision, text[0])
        self.words_block, self.patches_block = EncoderBlock(*text), EncoderBlock(*vision)

    def forward(
        self,
        words: Float[Tensor, "batch length width"],
        patches: Float[Tensor, "batch patches vision_width"],
        is_word: Bool[Tensor, "batch length"],
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches vision_width"]]:
        """Return both streams. What each sees of the other is as it was before this layer."""
        is_patch = everywhere(patches)
        words, patches = (
            self.words_to_patches(words, patches, is_patch),
            self.patches_to_words(patches, words, is_word),
        )
        return self.words_block(words, is_word), self.patches_block(patches, is_patch)


class ViLBERT(nn.Module):
    """A question and the patch vectors of a picture in, a score for each answer out."""

    def __init__(self, config: ViLBERTConfig):
        super().__init__()
        self.config = config
        self.words = WordEmbedding(config.vocabulary, config.length, config.width)
        self.patches = RegionEmbedding(config.picture_width, config.vision_width)
        self.text_blocks = nn.ModuleList(
            EncoderBlock(config.width, config.heads, config.hidden) for _ in range(config.text_depth)
        )
        self.layers = nn.ModuleList(CoAttentionLayer(config) for _ in range(config.depth))
        self.head = AnswerHead(config.width, config.vision_width, config.outputs)
        initialise(self)

    def streams(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches vision_width"]]:
        """Return both streams as they come to the first co-attention."""
        check_rows(tokens, patches, self.config.picture_width)
        words, is_word = self.words(tokens), tokens != PAD
        for block in self.text_blocks:
            words = block(words, is_word)
        return words, self.patches(patches)

    def encode(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches vision_width"]]:
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
        """Return where each token looks in its picture, in each co-attention and head: shares of sum 1 over patches."""
        (words, seen), maps = self.streams(tokens, patches), []
        for layer in self.layers:
            maps.append(layer.words_to_patches.attention.weights(words, seen))
            words, seen = layer(words, seen, tokens != PAD)
        return torch.stack(maps, dim=1)
