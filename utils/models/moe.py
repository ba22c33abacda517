"""Mixture of experts: many feed-forward networks, of which each token passes through a few that a router chooses.

Fedus et al. 2022, "Switch Transformers", section 2: router, capacity, load-balancing loss. Jiang et al. 2024, "Mixtral
of experts", section 2.1: the weights of the chosen are a softmax over these alone. DeepSeek-AI 2024, "DeepSeek-V3",
section 2.1.2: shared experts, groups of experts, and balance by biases instead of a loss. Komatsuzaki et al. 2023,
"Sparse upcycling", section 3: experts begin as copies of a trained dense network.

A `MixtureOfExperts` stands wherever a feed-forward network stands, and `routings` says who was sent where.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import FeedForward, count_parameters, initialise


@dataclass(frozen=True)
class Routing:
    """Where a router sends tokens: the `chosen` experts, their `weights`, and the `probabilities` of all."""

    chosen: Int[Tensor, "tokens top_k"]
    weights: Float[Tensor, "tokens top_k"]
    probabilities: Float[Tensor, "tokens experts"]

    @property
    def load(self) -> Int[Tensor, " experts"]:
        """How many tokens chose each expert; together as many as tokens times top_k."""
        return torch.bincount(self.chosen.flatten(), minlength=self.probabilities.shape[1])


class SoftmaxRouter(nn.Module):
    """Sends each token to the `top_k` experts of highest probability, and weighs these so that they sum to 1 (Mixtral).

    With one expert a token the weight is its probability (Switch, equation 2): a 1 would teach the router nothing.
    """

    def __init__(self, width: int, experts: int, top_k: int):
        super().__init__()
        check_top_k(top_k, experts)
        self.experts, self.top_k = experts, top_k
        self.linear = nn.Linear(width, experts, bias=False)
        initialise(self)

    def forward(self, x: Float[Tensor, "tokens width"]) -> Routing:
        """Return where each token goes."""
        probabilities = self.linear(x).softmax(dim=-1)
        weights, chosen = probabilities.topk(self.top_k, dim=-1)
        if self.top_k > 1:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        return Routing(chosen, weights, probabilities)


class SigmoidRouter(nn.Module):
    """Scores each expert by itself; a bias that no gradient reaches helps choose, and `balance` moves it (DeepSeek-V3).

    With `groups` a token may choose only from the `open_groups` whose two best experts score highest.
    """

    bias: Float[Tensor, " experts"]

    def __init__(self, width: int, experts: int, top_k: int, groups: int = 1, open_groups: int = 1):
        super().__init__()
        if groups < 1 or experts % groups:
            raise ValueError(f"{experts} experts do not divide into {groups} groups of the same size")
        if not 1 <= open_groups <= groups:
            raise ValueError(f"of {groups} groups 1 to {groups} can be open to a token, not {open_groups}")
        check_top_k(top_k, experts // groups * open_groups)
        self.experts, self.top_k, self.groups, self.open_groups = experts, top_k, groups, open_groups
        self.linear = nn.Linear(width, experts, bias=False)
        self.register_buffer("bias", torch.zeros(experts))
        initialise(self)

    def forward(self, x: Float[Tensor, "tokens width"]) -> Routing:
        """Return where each token goes (equations 13 to 16)."""
        scores = self.linear(x).sigmoid()
        chosen = self._among_open(scores + self.bias).topk(self.top_k, dim=-1).indices
        weights = scores.gather(1, chosen)
        return Routing(chosen, weights / weights.sum(dim=-1, keepdim=True), scores / scores.sum(dim=-1, keepdim=True))

    def _among_open(self, scores: Float[Tensor, "tokens experts"]) -> Float[Tensor, "tokens experts"]:
        if self.open_groups == self.groups:
            return scores
        grouped = scores.unflatten(1, (self.groups, -1))
        best = grouped.topk(min(2, grouped.shape[2]), dim=-1).values.sum(dim=-1)
        closed = torch.ones_like(best, dtype=torch.bool).scatter(1, best.topk(self.open_groups, dim=-1).indices, False)
        return grouped.masked_fill(closed.unsqueeze(2), float("-inf")).flatten(1)

    @torch.no_grad()
    def balance(self, load: Int[Tensor, " experts"], speed: float = 0.001) -> None:
        """Make overloaded experts less likely and idle ones more, by `speed`; call it after each step of training."""
        self.bias += speed * (load.float().mean() - load).sign()


class MixtureOfExperts(nn.Module):
    """A feed-forward network made of `experts`, of which `router` chooses for each token; `shared` sees every token.

    With a `capacity_factor` an expert takes no more than that many times its fair share of the tokens. Who comes too
    late, in reading order, is dropped: the expert adds nothing for it. Without one, no token is dropped.
    """

    def __init__(
        self,
        router: SoftmaxRouter | SigmoidRouter,
        experts: Iterable[nn.Module],
        shared: nn.Module | None = None,
        capacity_factor: float | None = None,
    ):
        super().__init__()
        self.router, self.experts, self.shared = router, nn.ModuleList(experts), shared
        self.capacity_factor = capacity_factor
        if len(self.experts) != router.experts:
            raise ValueError(f"the router chooses among {router.experts} experts and {len(self.experts)} are given")
        if capacity_factor is not None and not 0 < capacity_factor < math.inf:
            raise ValueError(f"capacity_factor is a positive number, 1 for a fair share, not {capacity_factor}")

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return for each token the weighted sum of its experts' outputs, and what the shared expert makes of it."""
        tokens = x.reshape(-1, x.shape[-1])
        mixed = self._mix(tokens, self.router(tokens))
        if self.shared is not None:
            mixed = mixed + self.shared(tokens)
        return mixed.view_as(x)

    def _mix(self, tokens: Float[Tensor, "tokens width"], routing: Routing) -> Float[Tensor, "tokens width"]:
        order = routing.chosen.flatten().argsort(stable=True)  # by expert, so that each gets its tokens in one piece
        load = routing.load
        if self.capacity_factor is not None:
            room = capacity(len(tokens), routing, self.capacity_factor)
            order = order[within_capacity(routing, room).flatten()[order]]
            load = load.clamp(max=room)
        token = order // routing.chosen.shape[1]
        parts = tokens.index_select(0, token).split(load.tolist())
        outputs = torch.cat([expert(part) for expert, part in zip(self.experts, parts, strict=True)])
        outputs = outputs * routing.weights.flatten()[order].unsqueeze(1)
        return torch.zeros_like(tokens).index_add(0, token, outputs.to(tokens.dtype))


def capacity(tokens: int, routing: Routing, factor: float) -> int:
    """Return how many tokens an expert takes: `factor` times its fair share, rounded up (Switch, equation 3)."""
    _, top_k = routing.chosen.shape
    return math.ceil(factor * tokens * top_k / routing.probabilities.shape[1])


def within_capacity(routing: Routing, room: int) -> Bool[Tensor, "tokens top_k"]:
    """Return which choices are served if each expert serves the first `room` tokens that chose it.

    A token does not depend on those after it, so in a causal model none learns from a drop what comes later.
    """
    chosen = routing.chosen.flatten()
    queues = F.one_hot(chosen, routing.probabilities.shape[1]).cumsum(dim=0)  # of each expert, after each choice
    return (queues.gather(1, chosen.unsqueeze(1)) <= room).view_as(routing.chosen)


def load_balancing_loss(routing: Routing, counted: Bool[Tensor, " tokens"] | None = None) -> Float[Tensor, ""]:
    """Return experts times the sum over them of (share of tokens sent) x (mean probability): Switch, equations 4 to 6.

    At balance it is top_k, as in Mixtral's code. Only the probability has a gradient. Tokens that are not `counted`,
    such as padding, are left out; if none is left it is a `ValueError`.
    """
    experts = routing.probabilities.shape[1]
    sent = F.one_hot(routing.chosen, experts).sum(dim=1).to(routing.probabilities.dtype)
    probabilities = routing.probabilities
    if counted is not None:
        if not counted.any():
            raise ValueError(f"none of the {len(counted)} tokens is counted, so there is no load to balance")
        sent, probabilities = sent[counted], probabilities[counted]
    return experts * (sent.mean(dim=0) * probabilities.mean(dim=0)).sum()


def upcycle(dense: FeedForward, router: SoftmaxRouter | SigmoidRouter) -> MixtureOfExperts:
    """Return a mixture whose experts are copies of `dense`: until they are trained, it computes what `dense` does."""
    if router.top_k < 2:
        raise ValueError(
            "upcycling needs a top_k of 2 or more: with one expert a token, either the output is not that of the dense "
            "network or the router learns nothing"
        )
    return MixtureOfExperts(router, [copy.deepcopy(dense) for _ in range(router.experts)])


def divide(dense: FeedForward, router: SoftmaxRouter | SigmoidRouter, shared: int = 0) -> MixtureOfExperts:
    """Return an untrained mixture that costs as much a token as `dense`: its hidden units, shared out among the active.

    Active are the router's top_k and as many `shared` experts. Raises `ValueError` if the units do not divide so.
    """
    width, active = dense.expand.in_features, router.top_k + shared
    hidden, left = divmod(dense.expand.out_features, active)
    if shared < 0 or left:
        raise ValueError(
            f"{dense.expand.out_features} hidden units do not divide among {router.top_k} chosen and {shared} shared "
            "experts"
        )
    common = FeedForward(width, shared * hidden) if shared else None
    mixture = MixtureOfExperts(router, [FeedForward(width, hidden) for _ in range(router.experts)], common)
    initialise(mixture)
    return mixture


def mixtures(model: nn.Module) -> list[MixtureOfExperts]:
    """Return the mixtures in `model`, in the order in which they stand."""
    return [module for module in model.modules() if isinstance(module, MixtureOfExperts)]


@contextmanager
def routings(model: nn.Module) -> Iterator[list[Routing]]:
    """Collect in a list what each router in `model` decides as long as the context lasts, in the order of calls."""
    found: list[Routing] = []
    handles = [
        mixture.router.register_forward_hook(lambda _router, _given, routing: found.append(routing))
        for mixture in mixtures(model)
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def active_parameters(model: nn.Module) -> int:
    """Return how many parameters one token meets: all but those of the experts that do not get it."""
    idle = sum((len(m.experts) - m.router.top_k) * count_parameters(m.experts[0]) for m in mixtures(model))
    return count_parameters(model) - idle


def check_top_k(top_k: int, experts: int) -> None:
    """Raise `ValueError` unless a token can choose `top_k` of `experts`."""
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k must be from 1 to the {experts} experts that a token can choose from, not {top_k}")
