"""The parts that every Transformer of the course is made of: attention, feed-forward network, block.

Vaswani et al. 2017, "Attention is all you need", sections 3.2 and 3.3, in the pre-norm order that ViT, CLIP and GPT-2
use (layer normalisation before each part, not after it).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
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
        self, x: Float[Tensor, "batch length width"], first: int | None = None
    ) -> Float[Tensor, "batch readers width"]:
        """Return for each position, or only for the `first` ones, a mixture of all positions' values."""
        parts = self.query_key_value(x).chunk(3, dim=-1)
        q, k, v = (rearrange(part, "b n (h d) -> b h n d", h=self.heads) for part in parts)
        return self.output(rearrange(attend(q[:, :, :first], k, v, self.causal), "b h n d -> b n (h d)"))


def attend(
    q: Float[Tensor, "batch heads length depth"],
    k: Float[Tensor, "batch heads keys depth"],
    v: Float[Tensor, "batch heads keys depth"],
    causal: bool = False,
) -> Float[Tensor, "batch heads length depth"]:
    """Return softmax(q k^T / sqrt(depth)) v, in one fused operation.

    Under bfloat16 autocast on a CPU it runs in float32: the backward pass of the bfloat16 kernel was measured to be 17
    times slower there.
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        with torch.autocast("cpu", enabled=False):
            return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=causal)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


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
        self, x: Float[Tensor, "batch length width"], first: int | None = None
    ) -> Float[Tensor, "batch readers width"]:
        """Return all positions, or only the `first`, after one exchange of information and one transformation."""
        x = x[:, :first] + self.attention(self.norm_1(x), first)
        return x + self.feed_forward(self.norm_2(x))


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
