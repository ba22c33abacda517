"""The held-out figures of the checkpoint "vqa_scenes"."""

from __future__ import annotations

from collections import Counter, defaultdict

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.models.fusion import QuestionAnswerer
from utils.training.checkpoints import Figure
from utils.training.recipes.vqa_scenes import training_questions
from utils.world import (
    ANSWERS,
    BACKGROUND,
    COLOURS,
    KINDS,
    SHAPES,
    SIZES,
    Questions,
    ask,
    render_pictures,
    sample_scenes,
    tokenize,
)

BARS = {  # by kind, on pairs that training never shows
    **{"colour": 0.85, "shape": 0.85, "size": 0.9, "count": 0.9, "place": 0.9},
    **{"relation": 0.5, "comparison": 0.55, "existence": 0.75},  # the first two it has not learnt
}


@torch.no_grad()
def right_answers(model: QuestionAnswerer, asked: Questions, pictures: Tensor) -> Float[Tensor, " questions"]:
    """Return 1 for each question that the model answers rightly, else 0; `pictures` has one for each question."""
    rows = tokenize(asked.questions).split(500), pictures.split(500), asked.labels.split(500)
    return torch.cat([(model(*some).argmax(1) == labels).float() for *some, labels in zip(*rows, strict=True)])


def without_eyes(trained_on: Questions, asked: Questions) -> Float[Tensor, " questions"]:
    """Return 1 for each question whose answer is the most frequent one in training to questions of the same form.

    A form is a question without the names of colours, shapes and sizes: this is the best that words alone can do.
    """
    found: dict[str, Counter] = defaultdict(Counter)
    for question, answer in zip(trained_on.questions, trained_on.answers, strict=True):
        found[_form(question)][answer] += 1
    usual = {form: answers.most_common(1)[0][0] for form, answers in found.items()}
    guesses = [usual.get(_form(question), ANSWERS[0]) for question in asked.questions]
    return torch.tensor([float(g == a) for g, a in zip(guesses, asked.answers, strict=True)])


def _form(question: str) -> str:
    return " ".join(word for word in question.split() if word not in _NAMES)


_NAMES = {*COLOURS, *SHAPES, *SIZES, "thing"}


def measure(model: QuestionAnswerer, scenes: int = 1500) -> dict[str, Figure]:
    """Return the share of right answers by kind, on pairs never seen and on seen ones, and without the true picture."""
    figures = {}
    for pairs, words in (("seen", "pairs that training shows"), ("held_out", "only pairs that training never shows")):
        shown = sample_scenes(scenes, seed=3000, pairs=pairs)
        asked = ask(shown, seed=3000, each=3)
        pictures = render_pictures(shown)[asked.scene]
        on = f"{len(asked)} questions about {scenes} scenes of 1 or 2 objects, {words}"
        right = right_answers(model, asked, pictures)
        figures[f"answers {pairs}"] = figure_of(right, 0.9 if pairs == "seen" else 0.85, on)
        if pairs == "held_out":
            for kind in KINDS:
                chosen = torch.tensor([k == kind for k in asked.kinds])
                figures[f"answers {pairs}, {kind}"] = figure_of(
                    right[chosen], BARS[kind], f"the {int(chosen.sum())} questions of {kind} among the {on}"
                )
            empty = torch.full_like(pictures, 0) + torch.tensor(BACKGROUND, dtype=torch.uint8).view(-1, 1, 1)
            for name, other in (("shuffled", pictures[derangement(len(pictures))]), ("blank", empty)):
                scores = right_answers(model, asked, other)
                figures[f"answers {pairs}, {name} pictures"] = figure_of(
                    scores, 0.5, f"{on}; {name} pictures", at_most=True
                )
            blind = without_eyes(training_questions()[1], asked)
            figures[f"answers {pairs}, by words alone"] = figure_of(blind, 0.5, f"{on}; no picture", at_most=True)
    return figures
