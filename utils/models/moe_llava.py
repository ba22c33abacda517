"""MoE-LLaVA: a LLaVA in whose language model some feed-forward networks have become mixtures of experts.

Lin et al. 2024, "MoE-LLaVA: mixture of experts for large vision-language models", section 3: a dense LLaVA is trained
first; then every second block's feed-forward network is copied into experts, a router chooses two of them for each
token, of a picture or of a text, and only these mixtures learn, by the loss of the answer and that of balance.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import FeedForward
from utils.models.gpt import GPT, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.moe import MixtureOfExperts, SoftmaxRouter, load_balancing_loss, mixtures, routings, upcycle
from utils.world.tokenizer import PAD


@dataclass(frozen=True)
class MoELLaVAConfig:
    """The dense LLaVA; the `experts` in each of its language model's `blocks`, and how many of them a token takes."""

    llava: LLaVAConfig
    experts: int = 4
    top_k: int = 2
    blocks: tuple[int, ...] = (1, 3)


def moe_llava(config: MoELLaVAConfig, dense: LLaVA | None = None) -> LLaVA:
    """Return a LLaVA with mixtures, made from a trained `dense` one, which stays as it is, or from an untrained one.

    It computes what the dense one does, until its experts learn to differ.
    """
    dense = dense or LLaVA(config.llava)

    def make(feed_forward: FeedForward) -> MixtureOfExperts:
        router = SoftmaxRouter(config.llava.language.width, config.experts, config.top_k)
        return upcycle(feed_forward, router)

    language = sparsify(dense.language, config.blocks, make)
    return LLaVA(config.llava, copy.deepcopy(dense.vision), language, copy.deepcopy(dense.projector))


def sparsify(language: GPT, blocks: Iterable[int], make: Callable[[FeedForward], MixtureOfExperts]) -> GPT:
    """Return a copy of `language` in whose `blocks` stands what `make` makes of their feed-forward networks."""
    sparse, depth = copy.deepcopy(language), len(language.blocks)
    for number in blocks:
        if not 0 <= number < depth:
            raise ValueError(f"this language model has the blocks 0 to {depth - 1}, and no block {number}")
        sparse.blocks[number].feed_forward = make(sparse.blocks[number].feed_forward)
    return sparse


def only_mixtures_learn(model: nn.Module) -> None:
    """Freeze all of `model` but its mixtures, routers among them (section 3.3, stage III)."""
    model.requires_grad_(False)
    for mixture in mixtures(model):
        mixture.requires_grad_(True)


def moe_llava_loss(
    model: LLaVA,
    tokens: Int[Tensor, "batch length"],
    pictures: Tensor,
    learnt: Bool[Tensor, "batch length"] | None = None,
    balance: float = 0.01,
) -> Float[Tensor, ""]:
    """Return `next_token_loss` and `balance` times the mean of the mixtures' balancing losses; padding has no part."""
    with routings(model) as sent:
        answer = next_token_loss(model(tokens, pictures), tokens, learnt)
    real = (tokens != PAD).flatten()
    return answer + balance * torch.stack([load_balancing_loss(routing, real) for routing in sent]).mean()
