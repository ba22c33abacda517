"""Five ways to fuse words and patches learn to answer questions: one vision tower, one data set, one budget.

    early      words and patches share one sequence from the first layer on
    hybrid     a layer for words and one for patches, then two for both
    late       two layers for words, two for patches, and they meet only in the answer
    ViLBERT    two streams that look at each other, and then each at itself
    LXMERT     the same, behind a layer for words alone and one for patches alone

All see pictures through the frozen tower of "region_scenes", as one vector for each quarter, and have about as many
parameters: those of four Transformer layers. From pairs of shape and colour of which some are missing a model would
learn the pairs; so half of the questions that speak of no colour are asked about pictures with mixed colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from utils.models.joint import FUSION_DEPTHS, JointConfig, JointTransformer
from utils.models.llava import merge_patches
from utils.models.lxmert import LXMERT, LXMERTConfig
from utils.models.vilbert import ViLBERT, ViLBERTConfig
from utils.models.vit import ViT
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode
from utils.training.features import see
from utils.training.loop import History, fit
from utils.training.recipes.region_scenes import RECIPE as TOWER
from utils.training.regions import mix_colours
from utils.world import COLOURS, Questions, Scenes, ask, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches

SCENES, SCENES_SEED, EACH, EACH_OF_TWO, BATCH = 10_000, 3200, 4, 3, 128
STEPS, LEARNING_RATE = 1200, 2e-3
MERGE = 2  # patches a side of a quarter of a picture
_SIZES = {"picture_width": MERGE**2 * TOWER.config.width, "width": 64, "heads": 4, "hidden": 256}
CONFIGS: dict[str, Any] = {
    **{
        way: JointConfig(text_depth=words, vision_depth=patches, joint_depth=both, **_SIZES)
        for way, (words, patches, both) in FUSION_DEPTHS.items()
    },
    "ViLBERT": ViLBERTConfig(depth=1, vision_width=64, vision_heads=4, vision_hidden=256, **_SIZES),
    "LXMERT": LXMERTConfig(text_depth=1, vision_depth=1, cross_depth=1, **_SIZES),
}
WAYS = tuple(CONFIGS)
DATA = (
    f"{EACH} questions about each of {SCENES} scenes of 1 or 2 objects, seed {SCENES_SEED}, and {EACH_OF_TWO} of "
    f"relations and comparisons about each of {SCENES} of 2, seed {SCENES_SEED + 1}; only shape-colour pairs of the "
    "seen split; half of the questions that speak of no colour with mixed colours; seen by region_scenes, which "
    "stays as it is"
)


@dataclass(frozen=True)
class Lessons:
    """Questions and their answers, and what the tower sees of each picture, as it is and with mixed colours."""

    tokens: Int[Tensor, "questions length"]
    labels: Int[Tensor, " questions"]
    scene: Int[Tensor, " questions"]
    colourless: Bool[Tensor, " questions"]
    seen: Float[Tensor, "pictures quarters width"]
    mixed: Float[Tensor, "pictures quarters width"]


def begin(way: str, seed: int = 0) -> nn.Module:
    """Return an untrained model that fuses in this `way`, one of `WAYS`."""
    torch.manual_seed(seed)
    config = CONFIGS[way]
    return {"ViLBERT": ViLBERT, "LXMERT": LXMERT}.get(way, JointTransformer)(config)


@cache
def eyes() -> ViT:
    """Return the vision tower of all models here, which stays as it is."""
    return load_checkpoint("region_scenes")[0].requires_grad_(False)


def look(pictures: UInt8[Tensor, "pictures 3 height width"]) -> Float[Tensor, "pictures quarters width"]:
    """Return what the tower sees of each quarter of each picture, in reading order."""
    return merge_patches(see(eyes(), pictures), MERGE)


def speak_of_no_colour(asked: Questions) -> Bool[Tensor, " questions"]:
    """Return which questions have the same answer whatever the colours are."""
    words = {*COLOURS, "colour"}
    texts = zip(asked.questions, asked.answers, strict=True)
    return torch.tensor([words.isdisjoint((*question.split(), answer)) for question, answer in texts])


@cache
def training_scenes(number: int = SCENES) -> tuple[Scenes, Scenes]:
    """Return as many scenes of one and two objects, and as many again of two: only pairs of the seen split."""
    return sample_scenes(number, seed=SCENES_SEED), sample_scenes(number, seed=SCENES_SEED + 1, objects=(2, 2))


@cache
def training_questions(number: int = SCENES) -> Questions:
    """Return what all learn from: questions of all kinds about the first scenes, and of two kinds about the second.

    A scene of one object admits no relation and no comparison, and without the second both would be rare. No pair of
    the held-out split is named.
    """
    some, two = training_scenes(number)
    asked = ask(some, seed=SCENES_SEED, each=EACH)
    compared = ask(two, seed=SCENES_SEED + 1, each=EACH_OF_TWO, kinds=("relation", "comparison"))
    return Questions(
        torch.cat([asked.scene, compared.scene + number]),
        asked.questions + compared.questions,
        asked.answers + compared.answers,
        asked.kinds + compared.kinds,
    )


@cache
def lessons(number: int = SCENES) -> Lessons:
    """Return all that they learn from, as tensors."""
    asked = training_questions(number)
    pictures = torch.cat([render_pictures(scenes) for scenes in training_scenes(number)])
    mixed = mix_colours(pictures, torch.Generator().manual_seed(SCENES_SEED))
    return Lessons(
        tokenize(asked.questions), asked.labels, asked.scene, speak_of_no_colour(asked), look(pictures), look(mixed)
    )


def question_batches(given: Lessons, *, seed: int, steps: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield tokens, quarters and labels of `BATCH` questions; half of those that can be have mixed colours."""
    generator = torch.Generator().manual_seed(seed)
    for (rows,) in batches(torch.arange(len(given.labels)), batch_size=BATCH, steps=steps, generator=generator):
        mix = given.colourless[rows] & (torch.rand(len(rows), generator=generator) < 0.5)
        scene = given.scene[rows]
        yield (
            given.tokens[rows],
            torch.where(mix[:, None, None], given.mixed[scene], given.seen[scene]),
            given.labels[rows],
        )


def answer_loss(model: nn.Module, tokens: Tensor, quarters: Tensor, labels: Tensor) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the true answers, in nats: what `fit` makes small."""
    return F.cross_entropy(model(tokens, quarters), labels)


def learn_answers(model: nn.Module, *, seed: int, steps: int = STEPS, description: str = "answers") -> History:
    """Teach `model`, in place, to answer questions about pictures, and return how it went."""
    device = choose_device()
    given = ([part.to(device) for part in batch] for batch in question_batches(lessons(), seed=seed, steps=steps))
    history = fit(
        model.to(device),
        given,
        answer_loss,
        steps=steps,
        learning_rate=LEARNING_RATE,
        fast=has_fast_mode(device),
        description=description,
    )
    model.cpu()
    return history
