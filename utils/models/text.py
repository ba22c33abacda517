"""The text encoder: a small causal Transformer over word tokens, as in CLIP (Radford et al. 2021, section 2.4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.blocks import Block, initialise
from utils.world.tokenizer import BASE_VOCABULARY, CONTEXT_LENGTH, END, UnknownWordError, detokenize


@dataclass(frozen=True)
class TextConfig:
    """Sizes of a text encoder; `end` is the id of the token at whose place the whole text is read off.

    It knows the first `vocabulary` tokens of the course; texts on actions, or in Welsh, take more than the default.
    """

    vocabulary: int = BASE_VOCABULARY
    length: int = CONTEXT_LENGTH
    width: int = 96
    depth: int = 2
    heads: int = 4
    hidden: int = 384
    end: int = END


class TextEncoder(nn.Module):
    """Token ids in, one vector for each token out; `pool` picks the one that stands for the whole text."""

    def __init__(self, config: TextConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.zeros(config.length, config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.hidden, causal=True) for _ in range(config.depth)
        )
        self.norm_out = nn.LayerNorm(config.width)
        initialise(self)
        nn.init.normal_(self.positions, std=0.02)

    def forward(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return a vector for each token that knows the tokens before it, normalised."""
        if tokens.ndim != 2 or tokens.shape[1] > self.config.length:
            raise ValueError(
                f"this text encoder takes tokens of shape [batch, length], at most {self.config.length} "
                f"long, not {list(tokens.shape)}"
            )
        unknown = tokens[tokens >= self.config.vocabulary].unique()
        if len(unknown):
            raise UnknownWordError(
                f"this text encoder knows the first {self.config.vocabulary} tokens of the course, and not "
                f"{detokenize(unknown)!r}; make it with TextConfig(vocabulary=len(VOCABULARY))"
            )
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.norm_out(x)

    def pool(
        self, tokens: Int[Tensor, "batch length"], states: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch width"]:
        """Return the state at the first <end>: the only one that has read the whole text."""
        end = (tokens == self.config.end).int().argmax(dim=1)
        return states[torch.arange(len(states), device=states.device), end]
