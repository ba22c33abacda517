"""The held-out figures of the checkpoint "moe_llava_scenes"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.held_out.plora_scenes import right
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.evaluation.routing import busiest, sent_by
from utils.models.llava import LLaVA
from utils.models.upcycled import Upcycled
from utils.training.checkpoints import Figure, load_checkpoint
from utils.training.recipes.llava_scenes import encode, picture_captions
from utils.training.recipes.moe_llava_scenes import SCENES, SEED
from utils.world import Questions, Scenes, ask, render_pictures, sample_scenes
from utils.world.tokenizer import PAD

NUMBER = 400
PLACE = "<image>"
Exam = tuple[Tensor, Tensor]


def caption_exam(scenes: Scenes, soft_tokens: int) -> Exam:
    """Return the tokens of each picture's place, the order and its caption, and which of them are to be written."""
    return encode(picture_captions(scenes), soft_tokens)


def answer_exam(asked: Questions, soft_tokens: int) -> Exam:
    """Return the tokens of each picture's place, a question and its answer, and which of them are to be written."""
    rows = zip(asked.questions, asked.answers, strict=True)
    return encode([(PLACE, question, answer) for question, answer in rows], soft_tokens)


def written(model: LLaVA, exam: Exam, pictures: Tensor) -> Float[Tensor, " texts"]:
    """Return 1 for each text that the model would write word for word, else 0; `pictures` has one for each.

    A word is judged after the true words before it. As the likeliest word is always taken, all are right so if and
    only if all are right when the model writes by itself, and one pass tells.
    """
    parts = zip(*(part.split(100) for part in (*exam, pictures)), strict=True)
    with torch.no_grad():
        return torch.cat([right(model(tokens, some), tokens, learnt) for tokens, learnt, some in parts])


def training_questions() -> Questions:
    """Return the questions that training asks, for a baseline that has heard them and sees nothing."""
    return ask(sample_scenes(SCENES, seed=SEED), seed=SEED)


def blank_of(pictures: Tensor) -> Tensor:
    """Return for each picture the mean of all, which says nothing of any one."""
    return pictures.float().mean(0).byte().expand_as(pictures)


def measure(model: Upcycled) -> dict[str, Figure]:
    """Return the held-out figures: captions and answers of both ways and of the LLaVA that they began as, and loads."""
    llava, _ = load_checkpoint("llava_scenes")
    sparse, dense = model.put_into(llava, "sparse"), model.put_into(llava, "dense")
    soft_tokens, figures = llava.config.soft_tokens, {}

    scenes = sample_scenes(NUMBER, seed=5500, objects=(2, 2), pairs="held_out")
    pictures, exam = render_pictures(scenes), caption_exam(scenes, soft_tokens)
    on = f"{NUMBER} pictures of two objects, held-out pairs, word for word"
    ways = {"sparse": sparse, "dense": dense, "before": llava}
    for name, one in ways.items():
        figures[f"captions, {name}"] = figure_of(written(one, exam, pictures), 0.95, on)
    figures["captions, sparse, shuffled pictures"] = figure_of(
        written(sparse, exam, pictures[derangement(NUMBER)]), 0.05, f"{on}, of another's picture", at_most=True
    )
    load = [busiest(routing, (exam[0] != PAD).flatten()) for routing in sent_by(sparse, exam[0], pictures)]
    for number, share in zip(model.config.blocks, load, strict=True):
        what = f"share of the choices that fall on one expert, block {number + 1}; a fair share is 0.25"
        figures[f"busiest expert, block {number + 1}"] = figure_of(torch.tensor([share]), 0.35, what, at_most=True)

    asked = ask(sample_scenes(NUMBER, seed=5501, pairs="held_out"), seed=5501)
    pictures = render_pictures(sample_scenes(NUMBER, seed=5501, pairs="held_out"))[asked.scene]
    exam, on = answer_exam(asked, soft_tokens), f"{len(asked)} questions of all kinds about held-out pairs"
    for name, one in ways.items():
        bar = 0.70 if one is llava else 0.77
        figures[f"answers, {name}"] = figure_of(written(one, exam, pictures), bar, on)
    figures["answers, sparse, blank pictures"] = figure_of(
        written(sparse, exam, blank_of(pictures)), 0.45, f"{on}, blank pictures", at_most=True
    )
    figures["answers, words alone"] = figure_of(
        without_eyes(training_questions(), asked), 0.45, f"{on}, the usual answer to such a question", at_most=True
    )
    return figures
