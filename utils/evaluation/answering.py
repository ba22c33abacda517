"""How well a fusion of words and patches answers questions about pairs of shape and colour that it has never seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.training.answering import look, training_questions
from utils.training.checkpoints import Figure
from utils.world import BACKGROUND, KINDS, Questions, ask, render_pictures, sample_scenes, tokenize

SCENES, SEED, EACH = 1000, 3200, 3


@dataclass(frozen=True)
class Exam:
    """Questions, their tokens, and what the tower sees of the picture of each."""

    asked: Questions
    tokens: Int[Tensor, "questions length"]
    quarters: Float[Tensor, "questions quarters width"]

    def of(self, kind: str) -> Tensor:
        """Return which questions are of this kind."""
        return torch.tensor([each == kind for each in self.asked.kinds])


@cache
def exam(scenes: int = SCENES, pairs: str = "held_out", seed: int = SEED) -> Exam:
    """Return questions about pictures of one and two objects, all of them of `pairs`."""
    shown = sample_scenes(scenes, seed=seed, pairs=pairs)
    asked = ask(shown, seed=seed, each=EACH)
    return Exam(asked, tokenize(asked.questions), look(render_pictures(shown))[asked.scene])


@cache
def nothing_seen() -> Float[Tensor, "quarters width"]:
    """Return what the tower sees of a picture with nothing in it."""
    ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1, 1)
    return look(ground.expand(1, 3, 32, 32))[0]


@torch.no_grad()
def right(model: nn.Module, test: Exam, quarters: Tensor | None = None) -> Float[Tensor, " questions"]:
    """Return 1 for each question that is answered rightly, else 0; `quarters` may stand for those of its picture."""
    shown = test.quarters if quarters is None else quarters
    rows = test.tokens.split(500), shown.split(500), test.asked.labels.split(500)
    return torch.cat([(model(*some).argmax(dim=1) == labels).float() for *some, labels in zip(*rows, strict=True)])


def by_words_alone(test: Exam) -> Float[Tensor, " questions"]:
    """Return 1 for each question whose usual answer, to questions of its form, is the right one."""
    return without_eyes(training_questions(2000), test.asked)


def conditions(model: nn.Module, test: Exam) -> dict[str, Float[Tensor, " questions"]]:
    """Return what is right with the true, with another and with an empty picture."""
    quarters = test.quarters
    return {
        "true": right(model, test),
        "shuffled": right(model, test, quarters[derangement(len(quarters))]),
        "blank": right(model, test, nothing_seen().expand_as(quarters)),
    }


def measure_answers(model: nn.Module, bar: float, bars: dict[str, float]) -> dict[str, Figure]:
    """Return the share of right answers, in all and by kind, on pairs never seen, and without the true picture.

    `bars` are those of the kinds.
    """
    test = exam()
    on = f"{len(test.asked)} questions about {SCENES} scenes of 1 or 2 objects, only pairs that training never shows"
    found = conditions(model, test)
    figures = {"answers held_out": figure_of(found["true"], bar, on)}
    for kind in KINDS:
        chosen = test.of(kind)
        figures[f"answers held_out, {kind}"] = figure_of(
            found["true"][chosen], bars[kind], f"the {int(chosen.sum())} questions of {kind} among the {on}"
        )
    for name in ("shuffled", "blank"):
        figures[f"answers held_out, {name} pictures"] = figure_of(found[name], 0.6, f"{on}; {name}", at_most=True)
    figures["answers held_out, by words alone"] = figure_of(
        by_words_alone(test), 0.6, f"{on}; no picture", at_most=True
    )
    return figures
