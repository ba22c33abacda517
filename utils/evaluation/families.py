"""The four families side by side: one exam for all, and what each of them costs.

    course train families

trains each family from three seeds, on the same data and as many steps, and beside each model one of its family that
never sees a picture. It stores the figures of all, which lesson 3.6 shows, and the checkpoints of the first seed.
"""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from utils.evaluation import held_out
from utils.evaluation.answering import nothing_seen
from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.held_out.plora_scenes import right as all_right
from utils.evaluation.retrieval import hits_at_k
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.blocks import count_parameters
from utils.models.moe import active_parameters
from utils.training.answering import look
from utils.training.checkpoints import CHECKPOINTS, Figure, load_checkpoint
from utils.training.device import has_fast_mode
from utils.training.families import (
    EVERY,
    FAMILIES,
    STEPS,
    Family,
    Material,
    Writing,
    caption_tokens,
    captions_of,
    checkpoint_of,
    learn,
    material,
    question_tokens,
)
from utils.training.loop import fit
from utils.world import KINDS, Questions, ask, render_pictures, sample_scenes, tokenize

FIGURES = ASSETS / "measurements" / "families.json"
SEEDS = range(3)
BLIND_STEPS = 300  # after so many, a model without eyes has learnt what words alone say
SCENES, SEED, EACH, GALLERY = 1000, 3650, 2, 64
CONDITIONS = ("true", "shuffled", "blank")


@dataclass(frozen=True)
class Exam:
    """Questions about pictures as the tower sees them, and a gallery of pictures, all unlike, with their captions."""

    asked: Questions
    quarters: Float[Tensor, "questions quarters width"]
    gallery: Float[Tensor, "pictures quarters width"]
    captions: list[str]

    def of(self, kind: str) -> Bool[Tensor, " questions"]:
        """Return which questions are of this kind."""
        return torch.tensor([each == kind for each in self.asked.kinds])


@cache
def exam(scenes: int = SCENES, pairs: str = "held_out", seed: int = SEED) -> Exam:
    """Return an exam on `scenes` scenes, by default all of shape-colour pairs that training never shows."""
    shown = sample_scenes(scenes, seed=seed, pairs=pairs)
    asked, seen = ask(shown, seed=seed, each=EACH), look(render_pictures(shown))
    first = {caption: i for i, caption in reversed(list(enumerate(captions_of(shown))))}
    captions, places = zip(*list(first.items())[-GALLERY:], strict=True)
    return Exam(asked, seen[asked.scene], seen[list(places)], list(captions))


@torch.no_grad()
def right(
    family: Family, model: nn.Module, asked: Questions, quarters: Float[Tensor, "questions quarters width"]
) -> Float[Tensor, " questions"]:
    """Return 1 for each question that is answered rightly, to the last word, else 0; `quarters` has a row for each."""
    if not isinstance(family, Writing):
        found = model(tokenize(asked.questions), quarters).argmax(dim=1)
        return (found == asked.labels).float()
    rows = (*question_tokens(asked, family.places), quarters)
    parts = zip(*(part.split(250) for part in rows), strict=True)
    return torch.cat([all_right(family.logits(model, *some), *some[:2]) for some in parts])


@torch.no_grad()
def match(
    family: Family, model: nn.Module, captions: Sequence[str], quarters: Float[Tensor, "pictures quarters width"]
) -> Float[Tensor, "pictures captions"]:
    """Return how well each caption fits each picture; only the order of these scores has a meaning.

    A dual encoder reads every picture and every caption once. One that writes must read every pair: its score is how
    likely it finds the caption behind the picture (Li et al. 2021, "Align before fuse", section 3.4, ranks so answers).
    """
    if not isinstance(family, Writing):
        return model.towers.encode_patches(quarters) @ model.towers.encode_text(tokenize(captions)).T
    tokens, learnt = caption_tokens(captions, family.places)
    scores = []
    for one in quarters:
        chances = family.logits(model, tokens, learnt, one.expand(len(tokens), -1, -1))[:, :-1].log_softmax(dim=-1)
        written = chances.gather(2, tokens[:, 1:, None])[:, :, 0]
        scores.append((written * learnt[:, 1:]).sum(dim=1))
    return torch.stack(scores)


@dataclass(frozen=True)
class Costs:
    """What a family costs, the tower apart, which all share.

    `parameters` are all, `trained` those that learn, `active` those that one token meets; `flops` are those of one
    answer; `visual_tokens` are the vectors of a picture that a text can meet; `memory` is what a step of training
    holds, in MB; `seconds` are those of a processor for all of training, on the machine that stored them.
    """

    parameters: int
    trained: int
    active: int
    visual_tokens: int
    flops: int
    memory: float
    seconds: float


def costs(family: Family, model: nn.Module) -> Costs:
    """Return what `family` costs, of which `model` is one; it takes some seconds."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Costs(
        parameters=parameters,
        trained=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        active=parameters - (count_parameters(model) - active_parameters(model)),
        visual_tokens=family.visual_tokens,
        flops=flops_of_an_answer(family, model),
        memory=round(training_memory(family, model, material()) / 1e6, 1),
        seconds=round(training_seconds(family, model), 1),
    )


def flops_of_an_answer(family: Family, model: nn.Module) -> int:
    """Return the floating-point operations of answering one question about one picture that the tower has seen."""
    test = exam()
    one = Questions(torch.zeros(1, dtype=torch.long), test.asked.questions[:1], test.asked.answers[:1], ["any"])
    still = copy.deepcopy(model).requires_grad_(False)  # the counter asks whatever could learn for its gradient
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        right(family, still, one, test.quarters[:1])
    return counter.get_total_flops()


def flops_of_the_tower() -> int:
    """Return the floating-point operations of looking at one picture, which are the same for all families."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        look(render_pictures(sample_scenes(1, seed=0)))
    return counter.get_total_flops()


def training_memory(family: Family, model: nn.Module, given: Material) -> int:
    """Return the bytes that a step of training holds: weights, gradients, AdamW's two moments, and activations.

    Activations are what the forward pass keeps for the backward pass; weights are not counted among them.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = family.loss(model, *next(family.batches(given, seed=0)))
    del loss
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    activations = sum(size for place, size in kept.items() if place not in weights)
    sizes = [(parameter.numel() * 4, parameter.requires_grad) for parameter in model.parameters()]
    return activations + sum(size * (4 if learns else 1) for size, learns in sizes)


def training_seconds(family: Family, model: nn.Module, steps: int = 40) -> float:
    """Return the seconds of a processor that all of training takes, told from so many steps of a copy of `model`.

    Of the whole training the clock would tell what else the machine was busy with. The text that Flamingo's language
    model has read before is not in it.
    """
    model = copy.deepcopy(model).train()
    device = next(model.parameters()).device
    fit_some = partial(
        fit, model, loss=family.loss, learning_rate=0.0, fast=has_fast_mode(device), description="timing"
    )
    supply = family.batches(material(), seed=0)
    fit_some(supply, steps=EVERY)
    begin = time.process_time()
    fit_some(supply, steps=steps)
    return (time.process_time() - begin) / steps * STEPS


@dataclass(frozen=True)
class Result:
    """What one model of a family reached: shares of right answers, of right finds in the gallery, and its costs.

    `answers` is by picture, one of `CONDITIONS`; `kinds` are those of the true picture; `text_only` is the share of
    one of its family that has never seen a picture.
    """

    answers: dict[str, float]
    kinds: dict[str, float]
    text_only: float
    image_to_text: float
    text_to_image: float
    costs: Costs


def conditions(family: Family, model: nn.Module, test: Exam) -> dict[str, Float[Tensor, " questions"]]:
    """Return what is right with the true, with another and with an empty picture."""
    quarters = test.quarters
    shown = (quarters, quarters[derangement(len(quarters))], nothing_seen().expand_as(quarters))
    return {name: right(family, model, test.asked, some) for name, some in zip(CONDITIONS, shown, strict=True)}


def result(family: Family, model: nn.Module, blind: nn.Module) -> Result:
    """Examine `model`, and beside it one of its family that has learnt `blind`."""
    test = exam()
    answers, found = conditions(family, model, test), match(family, model, test.captions, test.gallery)
    return Result(
        answers={name: _share(right) for name, right in answers.items()},
        kinds={kind: _share(answers["true"][test.of(kind)]) for kind in KINDS},
        text_only=_share(right(family, blind, test.asked, nothing_seen().expand_as(test.quarters))),
        image_to_text=_share(hits_at_k(found)),
        text_to_image=_share(hits_at_k(found.T)),
        costs=costs(family, model),
    )


def _share(scores: Tensor) -> float:
    return round(scores.float().mean().item(), 4)


def measure_family(family: Family, model: nn.Module, bar: float, recall_bar: float) -> dict[str, Figure]:
    """Return the held-out figures of one model of `family`: answers with three pictures, and recall in the gallery."""
    test = exam()
    on = f"{len(test.asked)} questions about {SCENES} scenes of 1 or 2 objects, only pairs that training never shows"
    answers, found = conditions(family, model, test), match(family, model, test.captions, test.gallery)
    gallery = (
        f"{GALLERY} pictures and captions, all unlike, only pairs that training never shows; chance {1 / GALLERY:.3f}"
    )
    return {
        "answers held_out": figure_of(answers["true"], bar, on),
        **{
            f"answers held_out, {name} pictures": figure_of(answers[name], 0.4, f"{on}; {name}", at_most=True)
            for name in CONDITIONS[1:]
        },
        "captions found held_out": figure_of(hits_at_k(found).float(), recall_bar, gallery),
        "pictures found held_out": figure_of(hits_at_k(found.T).float(), recall_bar, gallery),
    }


def train_families(folder: Path = CHECKPOINTS) -> dict[str, list[Result]]:
    """Train all families from all seeds, save those of the first in `folder`, and return what all reached.

    `TrainingInterrupted` comes out after Ctrl-C; the checkpoints of families that were finished stay.
    """
    empty = material().blinded(nothing_seen())
    results: dict[str, list[Result]] = {family.name: [] for family in FAMILIES}
    for seed, family in itertools.product(SEEDS, FAMILIES):
        if seed == 0:
            model, _ = load_checkpoint(held_out.make_checkpoint(checkpoint_of(family), folder).name, folder)
        else:
            model, _ = learn(family, seed)
        blind, _ = learn(family, seed, given=empty, steps=BLIND_STEPS)
        results[family.name].append(result(family, model, blind))
    return results


def store_results(results: dict[str, list[Result]], path: Path = FIGURES) -> None:
    """Write all results where `stored_results` finds them."""
    store({name: [asdict(one) for one in some] for name, some in results.items()}, path)


def stored_results() -> dict[str, list[Result]]:
    """Return the stored results of each family, one of each seed."""
    plain = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {name: [Result(**{**one, "costs": Costs(**one["costs"])}) for one in some] for name, some in plain.items()}
