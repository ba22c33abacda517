"""A clinic for broken Flamingos: four patients, each with one fault, and the examinations that tell them apart.

The faults are such as real code has had: a layer without its gate, a mask that says >= where it should say ==, a mask
that is given to the first layer and forgotten in the others, and <image> among the words to be learnt. None of them
raises an error, and all of them train.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from utils.models.flamingo import Flamingo, GatedCrossAttention, sees
from utils.world.tokenizer import IMAGE


@dataclass(frozen=True)
class Patient:
    """A model, and which tokens it is taught: `learnt(tokens)` says True or False of each."""

    model: Flamingo
    learnt: Callable[[Tensor], Tensor]


class _Ungated(GatedCrossAttention):
    """The fault: what was seen is added as it is."""

    def forward(self, x, latents, allowed):
        x = x + self.attention(self.norm_1(x), latents, allowed)
        return x + self.feed_forward(self.norm_2(x))


class _SeesAllSoFar(GatedCrossAttention):
    """The fault: >= for ==, so that a word sees every picture up to its own."""

    def forward(self, x, latents, allowed):
        return super().forward(x, latents, allowed.flip(-1).cummax(dim=-1).values.flip(-1))


class _SeesEverything(GatedCrossAttention):
    """The fault: no mask, so that a word sees every picture, later ones too."""

    def forward(self, x, latents, allowed):
        return super().forward(x, latents, torch.ones_like(allowed))


def words_only(tokens: Tensor) -> Tensor:
    """Return which tokens are to be learnt: all but the first and <image>."""
    return (tokens != IMAGE) & (torch.arange(tokens.shape[1]) > 0)


def images_too(tokens: Tensor) -> Tensor:
    """The fault: <image> is learnt like a word."""
    return torch.ones_like(tokens, dtype=torch.bool) & (torch.arange(tokens.shape[1]) > 0)


def patients(model: Flamingo) -> dict[str, Patient]:
    """Return a healthy patient with the weights of `model`, and A to D, each with the same weights and one fault."""
    return {
        "healthy": Patient(model, words_only),
        "A": Patient(_with_layers(model, _Ungated, first=0), words_only),
        "B": Patient(_with_layers(model, _SeesAllSoFar, first=0), words_only),
        "C": Patient(_with_layers(model, _SeesEverything, first=1), words_only),
        "D": Patient(model, images_too),
    }


def _with_layers(model: Flamingo, kind: type[GatedCrossAttention], first: int) -> Flamingo:
    """A copy of `model` whose gated layers from `first` on are of another kind, with the same weights."""
    changed = copy.deepcopy(model)
    for number in range(first, len(changed.gated)):
        old = changed.gated[number]
        width, context_width = old.attention.query.in_features, old.attention.key.in_features
        new = kind(width, old.attention.heads, old.feed_forward.expand.out_features, context_width)
        new.load_state_dict(old.state_dict())
        changed.gated[number] = new.requires_grad_(True)
    return changed.eval()


def change_at_closed_gates(patient: Patient, tokens: Tensor, latents: Tensor) -> float:
    """Return by how much the logits differ at most from the language model's own, with every gate at zero."""
    closed = copy.deepcopy(patient.model)
    with torch.no_grad():
        for gated in closed.gated:
            gated.attention_gate.zero_()
            gated.feed_forward_gate.zero_()
        return (closed.read(tokens, latents) - closed.language(tokens)).abs().max().item()


def pictures_read(patient: Patient, tokens: Tensor, latents: Tensor, *, layer: int, position: int) -> int:
    """Return how many pictures of the first row the token at `position` reads in one gated layer: whose latents matter.

    The layer is asked alone, so that what other tokens have passed on does not count.
    """
    number, each = latents.shape[1:3]
    allowed = sees(tokens, number).repeat_interleave(each, dim=2)
    looked_at = latents.detach().clone().requires_grad_()
    x = patient.model.language.embed(tokens).detach()
    output = patient.model.gated[layer](x, looked_at.flatten(1, 2), allowed)
    (gradient,) = torch.autograd.grad(output[0, position].square().sum(), looked_at)
    return int((gradient[0].abs().sum(dim=(1, 2)) > 0).sum())


def share_about_images(patient: Patient, tokens: Tensor, latents: Tensor) -> float:
    """Return which share of the tokens that are taught are <image>."""
    taught = patient.learnt(tokens)
    return (tokens[taught] == IMAGE).float().mean().item()


def examine(patient: Patient, tokens: Tensor, latents: Tensor, position: int) -> dict[str, float]:
    """Return what all examinations find; `position` is that of a word between two pictures of the first row."""
    last = len(patient.model.gated) - 1
    return {
        "change at closed gates": change_at_closed_gates(patient, tokens, latents),
        "pictures read, first layer": pictures_read(patient, tokens, latents, layer=0, position=position),
        "pictures read, last layer": pictures_read(patient, tokens, latents, layer=last, position=position),
        "<image> among what is taught": share_about_images(patient, tokens, latents),
    }
