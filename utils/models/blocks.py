"""The parts that every Transformer of the course is made of: attention, feed-forward network, block.

Vaswani et al. 2017, "Attention is all you need", sections 3.2 and 3.3, in the pre-norm order that ViT, CLIP and GPT-2
use (layer normalisation before each part, not after it).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, equation 1): every position looks at every other.

    With `causal` a position looks only at itself and at those before it.
    """

    def __init__(self, width: int, heads: int, causal: bool = False):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} must be a multiple of the number of heads, {heads}")
        self.heads, self.causal = heads, causal
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        first: int | None = None,
        mask: Bool[Tensor, "batch length length"] | None = None,
    ) -> Float[Tensor, "batch readers width"]:
        """Return for each position, or only for the `first` ones, a mixture of all positions' values.

        A `mask` says instead of `causal` which positions each one may look at.
        """
        parts = self.query_key_value(x).chunk(3, dim=-1)
        q, k, v = (rearrange(part, "b n (h d) -> b h n d", h=self.heads) for part in parts)
        mixed = attend(q[:, :, :first], k, v, self.causal and mask is None, mask)
        return self.output(rearrange(mixed, "b h n d -> b n (h d)"))


def attend(
    q: Float[Tensor, "batch heads length depth"],
    k: Float[Tensor, "batch heads keys depth"],
    v: Float[Tensor, "batch heads keys depth"],
    causal: bool = False,
    mask: Bool[Tensor, "batch keys"] | Bool[Tensor, "batch length keys"] | None = None,
) -> Float[Tensor, "batch heads length depth"]:
    """Return softmax(q k^T / sqrt(depth)) v, in one fused operation.

    With a `mask`, which goes with full attention and not with `causal`, only the keys where it is True are looked at:
    the same by all positions, or by each its own.
    Under bfloat16 autocast on a CPU it runs in float32: the backward pass of the bfloat16 kernel was measured to be 17
    times slower there.
    """
    looked_at = mask if mask is None else mask[:, None, None] if mask.ndim == 2 else mask[:, None]
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        with torch.autocast("cpu", enabled=False):
            return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), looked_at, is_causal=causal)
    return F.scaled_dot_product_attention(q, k, v, looked_at, is_causal=causal)


class CrossAttention(nn.Module):
    """Multi-head cross-attention (Vaswani et al. 2017, section 3.2.3): one sequence asks, and another is looked at.

    The queries come from `x`; the keys and the values come from `context`, whose width may differ. With a `mask` only
    the positions of `context` where it is True are looked at.
    """

    def __init__(self, width: int, heads: int, context_width: int | None = None):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} must be a multiple of the number of heads, {heads}")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(context_width or width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        context: Float[Tensor, "batch keys context_width"],
        mask: Bool[Tensor, "batch keys"] | None = None,
    ) -> Float[Tensor, "batch length width"]:
        """Return for each position of `x` a mixture of the values of all positions of `context`."""
        q, k, v = self._heads(x, context)
        return self.output(rearrange(attend(q, k, v, mask=mask), "b h n d -> b n (h d)"))

    def weights(
        self,
        x: Float[Tensor, "batch length width"],
        context: Float[Tensor, "batch keys context_width"],
        mask: Bool[Tensor, "batch keys"] | None = None,
    ) -> Float[Tensor, "batch heads length keys"]:
        """Return what `forward` mixes by: the share of each position of `context`, for each position of `x`."""
        q, k, _ = self._heads(x, context)
        scores = q @ k.mT / q.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None], float("-inf"))
        return scores.softmax(dim=-1)

    def _heads(self, x: Tensor, context: Tensor) -> list[Tensor]:
        parts = self.query(x), *self.key_value(context).chunk(2, dim=-1)
        return [rearrange(part, "b n (h d) -> b h n d", h=self.heads) for part in parts]


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them, applied to each position alone (Vaswani et al. 2017, section 3.3)."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return each position's features, transformed."""
        return self.contract(F.gelu(self.expand(x)))


class Block(nn.Module):
    """One layer of a Transformer: attention, then feed-forward, each on normalised input and added to what came in."""

    def __init__(self, width: int, heads: int, hidden: int, causal: bool = False):
        super().__init__()
        self.norm_1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.norm_2 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden)

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        first: int | None = None,
        mask: Bool[Tensor, "batch length length"] | None = None,
    ) -> Float[Tensor, "batch readers width"]:
        """Return all positions, or only the `first`, after one exchange of information and one transformation."""
        x = x[:, :first] + self.attention(self.norm_1(x), first, mask)
        return x + self.feed_forward(self.norm_2(x))


class CrossBlock(nn.Module):
    """One layer of a Transformer's decoder: its own sequence, then the context, then feed-forward.

    Vaswani et al. 2017, section 3.1, in pre-norm order. A position looks back at its own sequence, and everywhere in
    the context.
    """

    def __init__(self, width: int, heads: int, hidden: int, context_width: int | None = None):
        super().__init__()
        self.norm_1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal=True)
        self.norm_2 = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, heads, context_width)
        self.norm_3 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden)

    def forward(
        self, x: Float[Tensor, "batch length width"], context: Float[Tensor, "batch keys context_width"]
    ) -> Float[Tensor, "batch length width"]:
        """Return all positions of `x` after they have looked at one another and at `context`."""
        x = x + self.attention(self.norm_1(x))
        x = x + self.cross_attention(self.norm_2(x), context)
        return x + self.feed_forward(self.norm_3(x))

    def looks(
        self, x: Float[Tensor, "batch length width"], context: Float[Tensor, "batch keys context_width"]
    ) -> Float[Tensor, "batch heads length keys"]:
        """Return where each position of `x` looks in `context`: the weights by which `forward` mixes it in."""
        x = x + self.attention(self.norm_1(x))
        return self.cross_attention.weights(self.norm_2(x), context)


def initialise(model: nn.Module) -> None:
    """Draw small random weights: linear layers with standard deviation 1/sqrt(inputs), embeddings 0.02, biases zero."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)


def count_parameters(model: nn.Module) -> int:
    """Return how many numbers training can change in `model`."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
