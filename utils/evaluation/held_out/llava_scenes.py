"""The held-out figures of the checkpoint "llava_scenes"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.models.llava import LLaVA
from utils.training.checkpoints import Figure
from utils.training.recipes.llava_scenes import PICTURE, VIDEO, about_each, encode, frames_of
from utils.world import MOTIONS, Scenes, describe_action, render_captions, render_pictures, sample_scenes
from utils.world.captions import same_meaning
from utils.world.conversations import SUMMARY, Text, answers, dialogues
from utils.world.tokenizer import detokenize

NUMBER, LONGEST = 400, 24


def told(model: LLaVA, texts: Sequence[Text], pictures: Tensor) -> list[str]:
    """Return what the model says after each text; `pictures` are [texts, 3, height, width] or [texts, frames, ...]."""
    prompt, _ = encode(texts, model.config.soft_tokens)
    return [detokenize(row) for row in model.generate(prompt, pictures.flatten(0, -4), LONGEST)]


def captions_right(model: LLaVA, scenes: Scenes, pictures: Tensor) -> Tensor:
    """Return 1 for each picture, uint8 [scenes, 3, height, width], whose caption means what its scene tells, else 0."""
    said = told(model, [(PICTURE, SUMMARY)] * len(scenes), pictures)
    return torch.tensor([same_meaning(a, b) for a, b in zip(said, render_captions(scenes), strict=True)]).float()


def answers_right(model: LLaVA, texts: Sequence[Text], pictures: Tensor) -> Tensor:
    """Return 1 for each text whose last part the model writes word for word, else 0."""
    said = told(model, [text[:-1] for text in texts], pictures)
    return torch.tensor([a == text[-1] for a, text in zip(said, texts, strict=True)]).float()


def measure(model: LLaVA) -> dict[str, Figure]:
    """Return how often captions, answers, follow-ups and actions are right, and what is left without the picture."""
    figures = {}
    for pairs in ("seen", "held_out"):
        scenes = sample_scenes(NUMBER, seed=5100, objects=(2, 2), pairs=pairs)
        pictures = render_pictures(scenes)
        on = f"{NUMBER} pictures of two objects, {pairs.replace('_', '-')} pairs, exact or equivalent"
        figures[f"captions {pairs}"] = figure_of(captions_right(model, scenes, pictures), 0.90, on)
    on = f"{on}, of another's picture"
    figures["captions held_out, shuffled pictures"] = figure_of(
        captions_right(model, scenes, pictures[derangement(NUMBER)]), 0.05, on, at_most=True
    )
    texts, about = about_each(scenes, dialogues, 5101)
    two_turns, alone = [text[:5] for text in texts], [(text[0], *text[3:5]) for text in texts]
    on = f"{len(texts)} conversations about held-out pairs, the second answer"
    figures["follow-ups held_out"] = figure_of(answers_right(model, two_turns, pictures[about]), 0.85, on)
    on = f"{on}, without what was said before"
    figures["follow-ups held_out, out of context"] = figure_of(
        answers_right(model, alone, pictures[about]), 0.5, on, at_most=True
    )
    scenes = sample_scenes(NUMBER, seed=5102, pairs="held_out")
    texts, about = about_each(scenes, answers, 5101)
    pictures = render_pictures(scenes)[about]
    blank = pictures.float().mean(0).byte().expand_as(pictures)
    on = f"{len(texts)} questions of all kinds about held-out pairs"
    figures["answers held_out"] = figure_of(answers_right(model, texts, pictures), 0.68, on)
    figures["answers held_out, blank pictures"] = figure_of(
        answers_right(model, texts, blank), 0.5, f"{on}, a blank picture", at_most=True
    )
    moving = sample_scenes(NUMBER, seed=5103, objects=(1, 1), pairs="held_out", motions=MOTIONS)
    said = told(model, [(VIDEO, SUMMARY)] * NUMBER, frames_of(moving, 5103))
    wanted = [describe_action(scene) for scene in moving]
    action = torch.tensor([a.split()[4:] == b.split()[4:] for a, b in zip(said, wanted, strict=True)])
    told_of = torch.tensor([a.split()[:4] == b.split()[:4] for a, b in zip(said, wanted, strict=True)])
    figures["objects in videos held_out"] = figure_of(told_of, 0.40, f"what is in {NUMBER} videos, held-out pairs")
    figures["actions held_out"] = figure_of(action, 0.65, f"what happens in {NUMBER} videos, held-out pairs")
    return figures
