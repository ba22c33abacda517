"""The checkpoint "spoken_words": single words, named from their waveform."""

from __future__ import annotations

import itertools
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from utils.models.audio import AudioConfig, MelConfig, WaveformClassifier, WaveformClassifierConfig
from utils.training.device import choose_device, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world.batching import batches
from utils.world.speech import load_clips, perturb, spoken_words

BATCH = 96


def build(fields: dict[str, Any]) -> WaveformClassifier:
    """Return an untrained classifier of the configuration that a model card holds as plain data."""
    mel, encoder = MelConfig(**fields["mel"]), AudioConfig(**fields["encoder"])
    return WaveformClassifier(WaveformClassifierConfig(mel, encoder, tuple(fields["classes"])))


def train(recipe: Recipe) -> tuple[WaveformClassifier, History]:
    """Train it: some two minutes on two cores."""
    device = choose_device()
    clips = spoken_words("seen", recipe.config.classes)
    set_seed(recipe.seed)
    model = WaveformClassifier(recipe.config).to(device)
    seeds = itertools.count(recipe.seed)

    def loss(model: WaveformClassifier, waveforms: Tensor, labels: Tensor) -> Tensor:
        # no clip is ever heard twice in the same way, which makes few voices into many
        scores = model(perturb(waveforms, seed=next(seeds)).to(device))
        return F.cross_entropy(scores, labels.to(device), label_smoothing=0.1)

    history = fit(
        model,
        batches(clips.waveforms, clips.labels, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        loss,
        steps=recipe.steps,
        learning_rate=3e-3,
        description=recipe.name,
    )
    return model.cpu(), history


CONFIG = WaveformClassifierConfig(
    mel=MelConfig(hop=160),
    encoder=AudioConfig(frames=40, width=64, depth=2, heads=4, hidden=256),
    classes=tuple(said.text for said in load_clips("words").utterances),
)
RECIPE = Recipe(
    name="spoken_words",
    description="single spoken words, named from their waveform (lesson 2.2)",
    data="every word of assets/speech in the 24 voices of the seen split, perturbed anew at each step",
    seed=0,
    steps=900,
    architecture="WaveformClassifier",
    config=CONFIG,
    vocabulary=0,
    build=build,
    train=train,
)
