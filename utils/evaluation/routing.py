"""Who is routed where: how the experts share out the tokens of pictures, and those of words."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.models.llava import LLaVA
from utils.models.moe import Routing, routings
from utils.world.tokenizer import IMAGE, PAD


@torch.no_grad()
def sent_by(model: LLaVA, tokens: Int[Tensor, "batch length"], pictures: Tensor) -> list[Routing]:
    """Return where each mixture of `model` sends the tokens, those of all texts in one row."""
    with routings(model) as sent:
        model(tokens, pictures)
    return sent


def shares_by_modality(routing: Routing, tokens: Int[Tensor, "batch length"]) -> dict[str, Float[Tensor, " experts"]]:
    """Return how the choices of picture tokens, "image", and of words, "text", fall on the experts; each sums to 1.

    Padding is left out.
    """
    flat, experts = tokens.flatten(), routing.probabilities.shape[1]
    kinds = {"image": flat == IMAGE, "text": (flat != IMAGE) & (flat != PAD)}
    loads = {kind: torch.bincount(routing.chosen[rows].flatten(), minlength=experts) for kind, rows in kinds.items()}
    return {kind: load / load.sum() for kind, load in loads.items()}


def how_far_apart(shares: dict[str, Float[Tensor, " experts"]]) -> float:
    """Return which part of the choices would have to move for both modalities to be sent alike: 0 to 1.

    It is the total variation distance between the two: 1 if no expert serves both.
    """
    return ((shares["image"] - shares["text"]).abs().sum() / 2).item()


def busiest(routing: Routing, counted: Tensor | None = None) -> float:
    """Return the share of all choices that fall on the expert with most of them; `counted` says which tokens count."""
    chosen = routing.chosen if counted is None else routing.chosen[counted]
    load = torch.bincount(chosen.flatten(), minlength=routing.probabilities.shape[1])
    return (load.max() / load.sum()).item()
