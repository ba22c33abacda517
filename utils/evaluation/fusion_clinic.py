"""A clinic for a ViLBERT whose attention was written anew: it sums to one, but over what?

With the heads in the last dimension instead of before the words, the habit `softmax(dim=-1)` shares out over heads.
Nothing complains: all shapes are right, all shares lie between 0 and 1, and gradients flow.
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utils.models.blocks import CrossAttention
from utils.models.vilbert import ViLBERT

WORDS, PATCHES = "words_to_patches", "patches_to_words"


class SharesAmongHeads(CrossAttention):
    """The fault: heads stand last, and the softmax runs over what stands last."""

    def shares(
        self, x: Float[Tensor, "batch words width"], context: Float[Tensor, "batch patches width"]
    ) -> Float[Tensor, "batch words patches heads"]:
        """Return by what the values are mixed."""
        q, k, _ = self._heads(x, context)
        scores = torch.einsum("b h w d, b h p d -> b w p h", q, k) / q.shape[-1] ** 0.5
        return scores.softmax(dim=-1)

    def forward(self, x, context, mask=None):
        """Return for each word what it has seen, wrongly mixed."""
        _, _, v = self._heads(x, context)
        shares = self.shares(x, context)
        if mask is not None:
            shares = shares * mask[:, None, :, None]
        return self.output(torch.einsum("b w p h, b h p d -> b w h d", shares, v).flatten(2))


def patient(model: ViLBERT, half: str = WORDS) -> ViLBERT:
    """Return a model with the weights of `model` in which one `half` of co-attention has the fault.

    The halves, `WORDS` and `PATCHES`, are named by who looks.
    """
    changed = copy.deepcopy(model)
    for layer in changed.layers:
        part = getattr(layer, half)
        old = part.attention
        part.attention = SharesAmongHeads(old.query.in_features, old.heads, old.key_value.in_features)
        part.attention.load_state_dict(old.state_dict())
    return changed.eval()


@torch.no_grad()
def shares_of(model: nn.Module, tokens: Tensor, patches: Tensor) -> Float[Tensor, "batch words patches heads"]:
    """Return by what the first co-attention of a model mixes what its words see, healthy or not, heads last."""
    words, seen = model.streams(tokens, patches)
    attention = model.layers[0].words_to_patches.attention
    if isinstance(attention, SharesAmongHeads):
        return attention.shares(words, seen)
    return attention.weights(words, seen).permute(0, 2, 3, 1)
