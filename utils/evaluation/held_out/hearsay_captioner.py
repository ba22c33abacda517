"""The held-out figures of the checkpoint "hearsay_captioner"; also of those that were made of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from utils.evaluation.hallucination import chair
from utils.evaluation.held_out.figures import figure_of
from utils.models.llava import LLaVA
from utils.training.alignment import write_captions
from utils.training.checkpoints import Figure
from utils.world import SEEN_PAIRS, Scenes, render_pictures
from utils.world.companions import company_scenes
from utils.world.mentions import recalled

NUMBER, SEED = 600, 3850


def held_out_scenes(number: int = NUMBER, seed: int = SEED) -> Scenes:
    """Return scenes of shape-colour pairs that no training shows; four in ten hold a companion besides."""
    return company_scenes(number, seed=seed, pairs="held_out")


def companions_told(captions: Sequence[str], scenes: Scenes) -> Tensor:
    """Return 1 for each companion that really stands in a held-out scene and is mentioned, 0 for each that is not."""
    return torch.tensor(
        [
            told
            for caption, scene in zip(captions, scenes, strict=True)
            for thing, told in zip(scene.things, recalled(caption, scene), strict=True)
            if (thing.shape, thing.colour) in SEEN_PAIRS
        ]
    ).float()


def things_told(captions: Sequence[str], scenes: Scenes) -> Tensor:
    """Return for each scene the share of its things that its caption mentions."""
    return torch.tensor(
        [sum(recalled(caption, scene)) / len(scene.things) for caption, scene in zip(captions, scenes, strict=True)]
    )


def figures_of(model: LLaVA, *, made_up: float, recall: float, at_most: bool) -> dict[str, Figure]:
    """Return how much of what captions say is made up, and how much of what is there they tell, with these bars.

    `at_most` says that captions may make up so much, and not that they have to. They are drawn at temperature 1.
    """
    scenes = held_out_scenes()
    captions = write_captions(model, render_pictures(scenes), seed=1).texts
    found = chair(captions, scenes)
    on = f"{NUMBER} captions of held-out pairs, drawn at temperature 1"
    return {
        "captions with something made up": figure_of(found.sentences, made_up, on, at_most=at_most),
        "objects told of": figure_of(found.recall, recall, on),
        "companions told of where they are": figure_of(companions_told(captions, scenes), recall, on),
    }


def measure(model: LLaVA) -> dict[str, Figure]:
    """Return the figures of the captioner before any alignment: it sees well, and makes much up, as it is to."""
    return figures_of(model, made_up=0.40, recall=0.92, at_most=False)
