"""The masked-word model: a Transformer encoder that reads a text in both directions and fills its gaps.

Devlin et al. 2019, "BERT: Pre-training of deep bidirectional transformers for language understanding", sections 3 and
3.1 (masked LM). Unlike the other Transformers of the course it normalises after each part and not before it, as
Vaswani et al. 2017 did. Segments and the second task, whether one sentence follows another, are left out: Liu et al.
2019 ("RoBERTa", section 4.2) found that it does not need them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import FeedForward, attend, initialise
from utils.world.tokenizer import END, MASK, PAD, START, VOCABULARY, UnknownWordError


@dataclass(frozen=True)
class BERTConfig:
    """Sizes of a masked-word model: it knows the first `vocabulary` tokens and reads at most `length` of them."""

    vocabulary: int = len(VOCABULARY)
    length: int = 32  # a caption in two languages
    width: int = 96
    depth: int = 2
    heads: int = 4
    hidden: int = 384


class TextAttention(nn.Module):
    """Multi-head self-attention in both directions (Vaswani et al. 2017, equation 1) that never looks at padding."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} must be a multiple of the number of heads, {heads}")
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch length width"], is_word: Bool[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length width"]:
        """Return for each position a mixture of the values of all words."""
        q, k, v = self._split(x)
        return self.output(rearrange(attend(q, k, v, mask=is_word), "b h n d -> b n (h d)"))

    def weights(
        self, x: Float[Tensor, "batch length width"], is_word: Bool[Tensor, "batch length"]
    ) -> Float[Tensor, "batch heads length length"]:
        """Return how much each position (rows) takes from each other one (columns): rows of sum 1, 0 at padding."""
        q, k, _ = self._split(x)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        return scores.masked_fill(~is_word[:, None, None], float("-inf")).softmax(dim=-1)

    def _split(self, x: Tensor) -> list[Tensor]:
        parts = self.query_key_value(x).chunk(3, dim=-1)
        return [rearrange(part, "b n (h d) -> b h n d", h=self.heads) for part in parts]


class EncoderBlock(nn.Module):
    """Attention, then feed-forward; each is added to what came in and then normalised (Vaswani et al. 2017, 3.1)."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.attention = TextAttention(width, heads)
        self.norm_1 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden)
        self.norm_2 = nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "batch length width"], is_word: Bool[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length width"]:
        """Return all positions after one exchange of information and one transformation."""
        x = self.norm_1(x + self.attention(x, is_word))
        return self.norm_2(x + self.feed_forward(x))


class BERT(nn.Module):
    """Token ids in; at every position the scores of the word that belongs there, or a vector that knows its context."""

    def __init__(self, config: BERTConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.zeros(config.length, config.width))
        self.norm_in = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(
            EncoderBlock(config.width, config.heads, config.hidden) for _ in range(config.depth)
        )
        self.transform = nn.Linear(config.width, config.width)
        self.norm_out = nn.LayerNorm(config.width)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))  # one for each word that may be put in
        initialise(self)
        nn.init.normal_(self.positions, std=0.02)

    def embed(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return the vector of each token at its place: all that is known before any word has looked at another."""
        if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= self.config.length:
            raise ValueError(
                f"this model takes integer tokens of shape [batch, length], from 1 to {self.config.length} long, not "
                f"{tokens.dtype} of shape {list(tokens.shape)}"
            )
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.config.vocabulary:
            raise UnknownWordError(f"this model knows the tokens 0 to {self.config.vocabulary - 1}, and no others")
        return self.norm_in(self.embedding(tokens) + self.positions[: tokens.shape[1]])

    def encode(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return a vector for each token that knows the words before it and those after it."""
        x, is_word = self.embed(tokens), tokens != PAD
        for block in self.blocks:
            x = block(x, is_word)
        return x

    def forward(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length vocabulary"]:
        """Return at each position the logits of the word that belongs there."""
        x = self.norm_out(F.gelu(self.transform(self.encode(tokens))))
        return F.linear(x, self.embedding.weight, self.bias)

    def mean_of_words(
        self, tokens: Int[Tensor, "batch length"], states: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch width"]:
        """Return one vector for each text: the mean of its tokens' states, padding left out."""
        is_word = (tokens != PAD)[..., None]
        return (states * is_word).sum(1) / is_word.sum(1)

    @torch.no_grad()
    def attention_maps(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch depth heads length length"]:
        """Return how much each token (rows) looks at each other one (columns), in every block and head."""
        x, is_word, maps = self.embed(tokens), tokens != PAD, []
        for block in self.blocks:
            maps.append(block.attention.weights(x, is_word))
            x = block(x, is_word)
        return torch.stack(maps, dim=1)


def mask_words(
    tokens: Int[Tensor, "batch length"], share: float = 0.15, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """Return `tokens` with about `share` of their words hidden behind <mask>, and which those are.

    At least one word of each text is hidden, and never <start>, <end> or <pad>. BERT leaves a fifth of the chosen words
    as they are or puts another in their place, since what it is fine-tuned on holds no <mask>; here gaps are the use.
    """
    is_word = (tokens != PAD) & (tokens != START) & (tokens != END)
    if not is_word.any(dim=1).all():
        raise ValueError("each text needs at least one word that can be hidden")
    chance = torch.rand(tokens.shape, generator=generator).masked_fill(~is_word, 2.0)
    hidden = (chance < share) | (chance == chance.min(dim=1, keepdim=True).values)
    return tokens.masked_fill(hidden, MASK), hidden


def masked_word_loss(
    logits: Float[Tensor, "batch length vocabulary"],
    tokens: Int[Tensor, "batch length"],
    hidden: Bool[Tensor, "batch length"],
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the `hidden` words of `tokens`, in nats a word; the others teach nothing."""
    if not hidden.any():
        raise ValueError("no word is hidden, so there is nothing to guess")
    return F.cross_entropy(logits[hidden], tokens[hidden])
