"""The held-out figures of the checkpoint "spoken_words"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.held_out.figures import figure_of
from utils.models.audio import WaveformClassifier
from utils.training.checkpoints import Figure
from utils.world.speech import SpokenWords, perturb, spoken_words


@torch.no_grad()
def words_right(model: WaveformClassifier, waveforms: Tensor, words: SpokenWords) -> Float[Tensor, " clips"]:
    """Return 1 for each clip of `waveforms` that the model takes for the word that `words` says it is, else 0."""
    return (model(waveforms).argmax(1) == words.labels).float()


def measure(model: WaveformClassifier) -> dict[str, Figure]:
    """Return the held-out figures: words in voices never heard, also disturbed, and two controls."""
    heard = spoken_words("held_out", model.config.classes)
    on = f"{len(model.config.classes)} words in each of 12 voices that training never plays"
    waveforms = heard.waveforms
    conditions = {
        "word, voices never heard": (waveforms, 0.90, f"{on}"),
        "word, disturbed": (perturb(waveforms, seed=1000), 0.85, f"{on}; faster or slower, later, with noise"),
        "word, played backwards": (waveforms.flip(1), 0.30, f"{on}; each played backwards"),
        "word, silence": (torch.zeros_like(waveforms), 0.05, f"{on}; silence in place of each"),
    }
    return {
        title: figure_of(words_right(model, played, heard), bar, on, at_most=bar < 0.5)
        for title, (played, bar, on) in conditions.items()
    }
