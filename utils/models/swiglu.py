"""SwiGLU: the feed-forward network of LLaMA and its kin, in which one linear layer gates another.

Shazeer 2020, "GLU variants improve Transformer", equation 6: three matrices and no bias. Flamingo's open successors put
it into their gated layers, and Mixtral and DeepSeek make their experts of it.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class SwiGLU(nn.Module):
    """Two linear layers side by side, one a gate for the other, and one back to the width, for each position alone."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.expand = nn.Linear(width, hidden, bias=False)
        self.contract = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return each position's features, transformed: contract(swish(gate(x)) * expand(x))."""
        return self.contract(F.silu(self.gate(x)) * self.expand(x))
