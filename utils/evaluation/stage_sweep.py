"""What each stage of LLaVA's training gives: the two stages, and three ways to spend the same steps otherwise.

Every way begins with the language model of the checkpoint "two_stages", and takes as many steps as both stages do. The
sweep takes minutes, so that lesson 3.3 draws its stored figures; a name or several run these ways alone:

    python -m utils.evaluation.stage_sweep ["two stages" ...]
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.moe_llava_scenes import answer_exam, blank_of, written
from utils.evaluation.held_out.plora_scenes import right
from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.gpt import GPT, next_token_loss
from utils.models.llava import LLaVA
from utils.models.vit import ViT
from utils.training.checkpoints import load_checkpoint
from utils.training.recipes.llava_scenes import PICTURE, encode, llava_step, without_last_block
from utils.training.recipes.two_stages import (
    BATCH,
    KINDS,
    RECIPE,
    STAGES,
    captioned,
    instructed,
    rows_of,
    tellings,
)
from utils.training.stages import train_stage
from utils.world import Questions, Scenes, ask, batches, render_pictures, sample_scenes
from utils.world.conversations import tell

FIGURES = ASSETS / "measurements" / "stage_sweep.json"
SEEDS = range(2)
STEPS = 300  # of a stage; two of them are the budget of every way
NUMBER = 500
# what learns, on what and for how many steps, one line a stage
WAYS: dict[str, tuple[tuple[str, tuple[str, ...], int], ...]] = {
    "two stages": (("stage 1", ("projector",), STEPS), ("stage 2", ("projector", "language"), STEPS)),
    "stage 1 skipped": (("stage 2", ("projector", "language"), 2 * STEPS),),
    "unfrozen early": (
        ("stage 1", ("projector", "language"), STEPS),
        ("stage 2", ("projector", "language"), STEPS),
    ),
    "no pretrained tower": (
        ("stage 1", ("vision", "projector"), STEPS),
        ("stage 2", ("vision", "projector", "language"), STEPS),
    ),
}


@dataclass(frozen=True)
class PictureExam:
    """Questions about scenes, all kinds in turn, with the picture of each question's scene."""

    scenes: Scenes
    asked: Questions
    pictures: Tensor


def picture_exam(pairs: str = "held_out", number: int = NUMBER, seed: int = 3350) -> PictureExam:
    """Return an exam about new scenes, of pairs of shape and colour that no picture of training shows."""
    scenes = sample_scenes(number, seed=seed, pairs=pairs)
    asked = ask(scenes, seed=seed, kinds=KINDS)
    return PictureExam(scenes, asked, render_pictures(scenes)[asked.scene])


def answered(model: LLaVA, exam: PictureExam, pictures: Tensor | None = None) -> Tensor:
    """Return 1 for each question that the model answers rightly, else 0; about other `pictures` if they are given."""
    texts = answer_exam(exam.asked, model.config.soft_tokens)
    return written(model.eval(), texts, exam.pictures if pictures is None else pictures)


def captioned_right(model: LLaVA, scenes: Scenes) -> Tensor:
    """Return 1 for each scene of whose picture the model tells all, word for word, else 0."""
    rows = encode(tellings(scenes, PICTURE), model.config.soft_tokens)
    return written(model.eval(), rows, render_pictures(scenes))


@torch.no_grad()
def answered_in_words(language: GPT, exam: PictureExam) -> Tensor:
    """Return 1 for each question that a language model answers rightly when it is told what the scene holds."""
    things = list(exam.scenes)
    rows = zip(exam.asked.scene.tolist(), exam.asked.questions, exam.asked.answers, strict=True)
    tokens, learnt = encode([(tell(things[i]), question, answer) for i, question, answer in rows], 0)
    return right(language(tokens), tokens, learnt)


def of_kind(exam: PictureExam, kind: str) -> Tensor:
    """Return which questions of the exam are of a kind."""
    return torch.tensor([asked == kind for asked in exam.asked.kinds])


def looking_step(model: LLaVA, tokens: Tensor, learnt: Tensor, pictures: Tensor) -> Tensor:
    """Return the loss of one batch of texts about pictures, through the tower as well."""
    return next_token_loss(model(tokens, pictures), tokens, learnt)


def train_way(way: str, seed: int, steps: Callable[[int], int] = lambda steps: steps) -> LLaVA:
    """Return a LLaVA trained in one of `WAYS`; `steps` may shorten each stage, for a test."""
    began, _ = load_checkpoint("two_stages")
    config = RECIPE.config
    torch.manual_seed(seed)
    vision = ViT(config.vision) if way == "no pretrained tower" else copy.deepcopy(began.llava.vision)
    model = LLaVA(config, vision, copy.deepcopy(began.language))
    if way == "no pretrained tower":
        without_last_block(model)
    data = {"stage 1": captioned, "stage 2": instructed}
    for stage, parts, number in WAYS[way]:
        texts, scenes = data[stage]()
        _, learning_rate = STAGES[stage]
        # a whole model or a tower that learnt as fast as a projector alone would come to nothing
        learning_rate = learning_rate if parts == ("projector",) else STAGES["stage 2"][1]
        if "vision" in parts:
            rows, step = (*encode(texts, config.soft_tokens), render_pictures(scenes)), looking_step
        else:
            rows, step = rows_of(model, texts, scenes), llava_step
        number = steps(number)
        supply = batches(*rows, batch_size=BATCH, seed=seed, steps=number)
        train_stage(model, parts, supply, step, steps=number, learning_rate=learning_rate, description=way)
    return model.eval()


def examine(model: LLaVA, exam: PictureExam) -> dict[str, float]:
    """Return the shares of right answers by kind, of all, about shuffled and blank pictures, of captions, in words."""
    found = answered(model, exam)
    figures = {kind: found[of_kind(exam, kind)] for kind in KINDS}
    figures["all"] = found
    figures["shuffled"] = answered(model, exam, exam.pictures[derangement(len(exam.pictures))])
    figures["blank"] = answered(model, exam, blank_of(exam.pictures))
    figures["captions"] = captioned_right(model, exam.scenes)
    figures["in words"] = answered_in_words(model.language, exam)
    return {name: round(values.mean().item(), 4) for name, values in figures.items()}


def stored_sweep() -> dict[str, dict[str, Interval]]:
    """Return the stored shares by way and by what was asked, each with its interval over the seeds."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {
        way: {name: bootstrap(torch.tensor(values)) for name, values in shares.items()}
        for way, shares in stored.items()
    }


def main(ways: list[str]) -> None:
    """Run these ways, or all, and store their figures with those that were stored before."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    exam, found = picture_exam(), {way: [] for way in ways or WAYS}
    for seed in SEEDS:
        for way, figures in found.items():
            figures.append(examine(train_way(way, seed), exam))
            stored[way] = {name: [one[name] for one in figures] for name in figures[0]}
            store({way: stored[way] for way in WAYS if way in stored}, FIGURES)


if __name__ == "__main__":
    main(sys.argv[1:])
