"""The held-out figures of the checkpoint "emotion"."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.models.emotion import SENSES, EmotionModel, read_moments
from utils.training.checkpoints import Figure
from utils.world.moments import Moments, sample_moments

BARS = {1: 0.50, 2: 0.65, 3: 0.80}  # by how many modalities are there; chance is 0.20


def held_out_moments(number: int = 2000) -> Moments:
    """Return moments of people, voices and sentences that training never met."""
    return sample_moments(number, seed=1000, split="held_out")


@torch.no_grad()
def emotion_correct(
    model: EmotionModel, inputs: dict[str, Tensor], emotion: Tensor, senses: Sequence[str] = SENSES
) -> Float[Tensor, " moments"]:
    """Return 1 for each moment whose emotion the model names from the `senses` alone, and 0 for the others."""
    return (model({sense: inputs[sense] for sense in senses}).argmax(dim=1) == emotion).float()


def measure(model: EmotionModel) -> dict[str, Figure]:
    """Return the held-out figures: each modality alone, every pair, all three, and all with one exchanged."""
    moments = held_out_moments()
    inputs = read_moments(moments)
    on = f"{len(moments)} moments of people, voices and sentences that training never met"
    figures = {}
    for number in (1, 2, 3):
        for senses in itertools.combinations(SENSES, number):
            correct = emotion_correct(model, inputs, moments.emotion, senses)
            figures[" and ".join(senses)] = figure_of(correct, BARS[number], on)
    for sense in SENSES:
        exchanged = {**inputs, sense: inputs[sense][derangement(len(moments))]}
        correct = emotion_correct(model, exchanged, moments.emotion)
        figures[f"all, {sense} exchanged"] = figure_of(
            correct, 0.80, f"{on}, each with the {sense} of another", at_most=True
        )
    return figures
