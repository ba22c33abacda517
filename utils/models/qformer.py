"""Q-Former: learnt queries that ask a picture what a text may want to know, the other bridge to a language model.

Li et al. 2023, "BLIP-2: bootstrapping language-image pre-training with frozen image encoders and large language
models", section 3. A BERT in two halves: queries and text share the self-attention, in every second block the queries
also look at the patches of a frozen vision encoder, and each half has a feed-forward network of its own. First (3.2) it
learns three things at once, told apart only by who may see whom (figure 2): which text goes with which picture, whether
these two belong together, and what to say of a picture. Then (3.3) the queries' states, projected, are the soft tokens
of a language model: a `QFormerBridge` stands where a LLaVA has its projector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import CrossAttention, FeedForward, initialise
from utils.world.tokenizer import CONTEXT_LENGTH, PAD, VOCABULARY, UnknownWordError

OBJECTIVES = ("contrastive", "matching", "generation")


@dataclass(frozen=True)
class QFormerConfig:
    """Sizes of a Q-Former, which asks `queries` questions of patches of `vision_width`, and reads texts to `length`."""

    vision_width: int
    queries: int = 4
    width: int = 96
    depth: int = 2
    heads: int = 4
    hidden: int = 384
    vocabulary: int = len(VOCABULARY)
    length: int = CONTEXT_LENGTH
    shared_width: int = 64  # of the space in which pictures and texts are compared


class MaskedAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, equation 1) in which it is said who may see whom."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} must be a multiple of the number of heads, {heads}")
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch length width"], allowed: Bool[Tensor, "batch length length"]
    ) -> Float[Tensor, "batch length width"]:
        """Return for each position (row) a mixture of the values of the positions (columns) `allowed` to it."""
        parts = self.query_key_value(x).chunk(3, dim=-1)
        q, k, v = (rearrange(part, "b n (h d) -> b h n d", h=self.heads) for part in parts)
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~allowed.unsqueeze(1), float("-inf"))
        return self.output(rearrange(scores.softmax(dim=-1) @ v, "b h n d -> b n (h d)"))


class QFormerBlock(nn.Module):
    """One layer; each part is added to what came in and then normalised. With `vision_width` the queries look out."""

    def __init__(self, width: int, heads: int, hidden: int, vision_width: int | None):
        super().__init__()
        self.attention = MaskedAttention(width, heads)
        self.norm_1 = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, heads, vision_width) if vision_width else None
        self.norm_cross = nn.LayerNorm(width) if vision_width else None
        self.query_feed_forward = FeedForward(width, hidden)
        self.norm_query = nn.LayerNorm(width)
        self.text_feed_forward = FeedForward(width, hidden)
        self.norm_text = nn.LayerNorm(width)

    def forward(
        self,
        queries: Float[Tensor, "batch queries width"],
        text: Float[Tensor, "batch length width"],
        patches: Float[Tensor, "batch patches vision_width"] | None,
        allowed: Bool[Tensor, "batch both both"],
    ) -> tuple[Float[Tensor, "batch queries width"], Float[Tensor, "batch length width"]]:
        """Return queries and text after one layer; `allowed` counts the queries first. Without queries none look."""
        x = torch.cat([queries, text], dim=1)
        x = self.norm_1(x + self.attention(x, allowed))
        queries, text = x.split([queries.shape[1], text.shape[1]], dim=1)
        if self.cross_attention is not None and patches is not None:
            queries = self.norm_cross(queries + self.cross_attention(queries, patches))
        queries = self.norm_query(queries + self.query_feed_forward(queries))
        return queries, self.norm_text(text + self.text_feed_forward(text))


class QFormer(nn.Module):
    """Patch features of a frozen vision encoder and token ids in; similarity, match, or the next words out."""

    def __init__(self, config: QFormerConfig):
        super().__init__()
        self.config = config
        width = config.width
        self.queries = nn.Parameter(torch.zeros(config.queries, width))
        self.embedding = nn.Embedding(config.vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(config.length, width))
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            QFormerBlock(width, config.heads, config.hidden, None if layer % 2 else config.vision_width)
            for layer in range(config.depth)
        )
        self.picture_projection = nn.Linear(width, config.shared_width)
        self.text_projection = nn.Linear(width, config.shared_width)
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        self.match_head = nn.Linear(width, 2)
        initialise(self)
        nn.init.normal_(self.queries, std=0.02)
        nn.init.normal_(self.positions, std=0.02)

    def look(self, patches: Float[Tensor, "batch patches vision_width"]) -> Float[Tensor, "batch queries width"]:
        """Return what the queries found in each picture, which no text has told them to look for."""
        queries = self.queries.expand(len(patches), -1, -1)
        number = queries.shape[1]
        everyone = torch.ones(len(patches), number, number, dtype=torch.bool, device=patches.device)
        return self._layers(queries, queries[:, :0], patches, everyone)[0]

    def read(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return a vector for each token that knows its text, in both directions, and no picture."""
        text, words = self.embed(tokens), tokens != PAD
        return self._layers(text[:, :0], text, None, words.unsqueeze(1).expand(-1, tokens.shape[1], -1))[1]

    def fuse(
        self,
        patches: Float[Tensor, "batch patches vision_width"],
        tokens: Int[Tensor, "batch length"],
        objective: str,
    ) -> tuple[Float[Tensor, "batch queries width"], Float[Tensor, "batch length width"]]:
        """Return queries and text after all layers; who may see whom is as one of `OBJECTIVES` wants it."""
        if len(patches) != len(tokens):
            raise ValueError(
                f"{len(patches)} pictures and {len(tokens)} texts are not as many; each text needs its own"
            )
        allowed = may_see(objective, tokens != PAD, self.config.queries)
        return self._layers(self.queries.expand(len(tokens), -1, -1), self.embed(tokens), patches, allowed)

    def similarity(
        self, patches: Float[Tensor, "pictures patches vision_width"], tokens: Int[Tensor, "texts length"]
    ) -> Float[Tensor, "pictures texts"]:
        """Return logits of which text goes with which picture: cosines with the text's <start>, of the best query."""
        pictures = F.normalize(self.picture_projection(self.look(patches)), dim=-1)
        texts = F.normalize(self.text_projection(self.read(tokens)[:, 0]), dim=-1)
        return self.logit_scale.exp() * torch.einsum("pqs,ts->pqt", pictures, texts).amax(dim=1)

    def match(
        self, patches: Float[Tensor, "batch patches vision_width"], tokens: Int[Tensor, "batch length"]
    ) -> Float[Tensor, "batch 2"]:
        """Return the logits of 0, the text is another picture's, and 1, it is this one's: the queries' mean."""
        queries, _ = self.fuse(patches, tokens, "matching")
        return self.match_head(queries).mean(dim=1)

    def describe(
        self, patches: Float[Tensor, "batch patches vision_width"], tokens: Int[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token; what the text knows of the picture, queries told."""
        _, text = self.fuse(patches, tokens, "generation")
        return F.linear(text, self.embedding.weight)

    def embed(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return the vector of each token at its place; raise `ValueError` for what is no batch of known tokens."""
        config = self.config
        if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= config.length:
            raise ValueError(
                f"this model takes integer tokens of shape [batch, length], from 1 to {config.length} long, not "
                f"{tokens.dtype} of shape {list(tokens.shape)}"
            )
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < config.vocabulary:
            raise UnknownWordError(f"this model knows the tokens 0 to {config.vocabulary - 1}, and no others")
        return self.embedding(tokens) + self.positions[: tokens.shape[1]]

    def _layers(self, queries: Tensor, text: Tensor, patches: Tensor | None, allowed: Tensor) -> tuple[Tensor, Tensor]:
        if patches is not None and (patches.ndim != 3 or patches.shape[2] != self.config.vision_width):
            raise ValueError(f"patches are [batch, patches, {self.config.vision_width}], not {list(patches.shape)}")
        queries, text = self.norm_in(queries), self.norm_in(text)
        for block in self.blocks:
            queries, text = block(queries, text, patches, allowed)
        return queries, text


class QFormerBridge(nn.Module):
    """Patches in, one soft token for each query out: `LLaVA(config, vision, language, projector=bridge)` is BLIP-2."""

    def __init__(self, qformer: QFormer, language_width: int):
        super().__init__()
        self.qformer = qformer
        self.project = nn.Linear(qformer.config.width, language_width)
        initialise(self.project)

    def forward(self, patches: Float[Tensor, "batch patches vision_width"]) -> Float[Tensor, "batch queries width"]:
        """Return what the language model is to read for each picture."""
        return self.project(self.qformer.look(patches))


def may_see(objective: str, is_word: Bool[Tensor, "batch length"], queries: int) -> Bool[Tensor, "batch both both"]:
    """Return who (rows) may see whom (columns), the queries counted first: BLIP-2, figure 2. Padding is never seen.

    "contrastive": queries see queries, words see words. "matching": all see all. "generation": queries see queries,
    words see these and the words up to themselves.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"the objective is one of {', '.join(OBJECTIVES)}, not {objective!r}")
    batch, length = is_word.shape
    words = is_word.unsqueeze(1)
    allowed = is_word.new_zeros(batch, queries + length, queries + length)
    allowed[:, :queries, :queries] = True
    allowed[:, :queries, queries:] = words & (objective == "matching")
    allowed[:, queries:, :queries] = objective != "contrastive"
    before = torch.ones(length, length, dtype=torch.bool, device=is_word.device).tril()
    allowed[:, queries:, queries:] = words & (before | (objective != "generation"))
    return allowed
