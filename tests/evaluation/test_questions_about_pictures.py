"""Scores of models that answer questions about pictures, and of one that has no eyes."""

from __future__ import annotations

import torch

from utils.evaluation.held_out.vqa_scenes import right_answers, without_eyes
from utils.models.fusion import QuestionAnswerer, QuestionAnswererConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.world import Questions, ask, render_pictures, sample_scenes, tokenize


def questions(*rows: tuple[str, str]) -> Questions:
    asked, answers = zip(*rows, strict=True)
    return Questions(torch.zeros(len(rows), dtype=torch.long), list(asked), list(answers), ["colour"] * len(rows))


def test_without_eyes_the_usual_answer_to_a_form_is_given():
    known = questions(
        ("what colour is the circle", "red"),
        ("what colour is the large square", "red"),
        ("what colour is the star", "blue"),
        ("how many red things are there", "one"),
    )
    asked = questions(
        ("what colour is the small ring", "red"),
        ("what colour is the ring", "blue"),
        ("how many blue things are there", "one"),
        ("where is the ring", "top left"),
    )
    assert without_eyes(known, asked).tolist() == [1, 0, 1, 0]


def test_right_answers_are_those_of_the_world():
    scenes = sample_scenes(20, seed=1)
    asked, config = ask(scenes, seed=1), ViTConfig(width=16, depth=1, heads=2, hidden=32, clip_style=True)
    torch.manual_seed(0)
    model = QuestionAnswerer(QuestionAnswererConfig(config, TextConfig(width=16, depth=1, heads=2, hidden=32), 1))
    pictures = render_pictures(scenes)[asked.scene]
    said = model(tokenize(asked.questions), pictures).argmax(1)
    assert right_answers(model, asked, pictures).tolist() == (said == asked.labels).float().tolist()
