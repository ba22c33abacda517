"""The held-out figures of the checkpoint "two_stages": what each stage gives, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.held_out.llava_scenes import told
from utils.evaluation.held_out.moe_llava_scenes import blank_of
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.evaluation.stage_sweep import (
    answered,
    answered_in_words,
    captioned_right,
    of_kind,
    picture_exam,
)
from utils.models.llava import LLaVA
from utils.models.two_stages import TwoStages
from utils.training.checkpoints import Figure
from utils.training.recipes.llava_scenes import PICTURE
from utils.training.recipes.two_stages import ASKED_ABOUT, IN_NUMBERS, KINDS, SEED, conversation
from utils.world import Questions, Scenes, ask, render_pictures, sample_scenes
from utils.world.boxes import Box, box_of, overlap, words_box

ENOUGH = 0.5  # intersection over union from which a box counts as right, as in tests of referring expressions


def training_questions() -> Questions:
    """Return the questions of stage 2, for a baseline that has heard them and sees nothing."""
    return conversation(sample_scenes(ASKED_ABOUT, seed=SEED + 2), SEED + 2)


def box_exam(scenes: Scenes, seed: int) -> tuple[list[str], list[Box], Tensor]:
    """Return questions of where something is, the box of each thing, and the number of its scene."""
    asked, things = ask(scenes, seed=seed, kinds=("place",)), list(scenes)
    wanted = []
    for i, place in zip(asked.scene.tolist(), asked.answers, strict=True):
        (thing,) = (thing for thing in things[i].things if things[i].place(thing) == place)
        wanted.append(box_of(thing))
    return asked.questions, wanted, asked.scene


def boxes_said(model: LLaVA, questions: Sequence[str], pictures: Tensor) -> list[str]:
    """Return the boxes in words that a model writes when it has been asked where a thing is, and has answered.

    The question for a box comes second in its training, too; asked at once, it often gives the place.
    """
    places = told(model, [(PICTURE, question) for question in questions], pictures)
    places = [" ".join(place.split()[:2]) for place in places]  # a place has two words; more would not fit the context
    talks = [(PICTURE, q, place, f"{q} {IN_NUMBERS}") for q, place in zip(questions, places, strict=True)]
    return told(model, talks, pictures)


def boxes_right(model: LLaVA, questions: Sequence[str], wanted: Sequence[Box], pictures: Tensor) -> Tensor:
    """Return 1 for each question to which the model writes a box that overlaps enough with the one wanted, else 0."""
    said = boxes_said(model, questions, pictures)
    return torch.tensor([overlap(words_box(words), box) >= ENOUGH for words, box in zip(said, wanted, strict=True)])


def measure(model: TwoStages) -> dict[str, Figure]:
    """Return what is told and answered before, between and after the stages, and what is left without the picture."""
    exam = picture_exam()
    first, last = model.after_stage_1(), model.after_stage_2()
    on = f"{len(exam.asked)} questions about scenes of 1 or 2 objects, pairs that no picture of training shows"
    figures = {}
    for name, language, bar in (("before", model.language, 0.75), ("after stage 2", last.language, 0.65)):
        figures[f"answers in words, {name}"] = figure_of(answered_in_words(language, exam), bar, f"{on}; told in words")
    for name, one, captions, answers in (("stage 1", first, 0.30, 0.34), ("stage 2", last, 0.70, 0.78)):
        what = f"{len(exam.scenes)} pictures, word for word"
        figures[f"captions, {name}"] = figure_of(captioned_right(one, exam.scenes), captions, what)
        figures[f"answers, {name}"] = figure_of(answered(one, exam), answers, on)
    right = answered(last, exam)
    for kind in KINDS:
        chosen = of_kind(exam, kind)
        figures[f"answers, {kind}"] = figure_of(
            right[chosen], 0.70, f"the {int(chosen.sum())} of {kind} among the {on}"
        )
    others = {"shuffled": exam.pictures[derangement(len(exam.pictures))], "blank": blank_of(exam.pictures)}
    for name, pictures in others.items():
        figures[f"answers, {name} pictures"] = figure_of(
            answered(last, exam, pictures), 0.40, f"{on}; {name} pictures", at_most=True
        )
    figures["answers, words alone"] = figure_of(
        without_eyes(training_questions(), exam.asked), 0.40, f"{on}, the usual answer to such a question", at_most=True
    )
    scenes = sample_scenes(400, seed=3360, pairs="held_out")
    questions, wanted, about = box_exam(scenes, 3360)
    pictures = render_pictures(scenes)[about]
    on = f"{len(questions)} boxes of objects in such pictures, intersection over union at least {ENOUGH}"
    figures["boxes"] = figure_of(boxes_right(last, questions, wanted, pictures), 0.55, on)
    figures["boxes, shuffled pictures"] = figure_of(
        boxes_right(last, questions, wanted, pictures[derangement(len(pictures))]), 0.25, on, at_most=True
    )
    return figures
