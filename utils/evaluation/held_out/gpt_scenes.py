"""The held-out figures of the checkpoint "gpt_scenes"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.models.gpt import GPT
from utils.training.checkpoints import Figure
from utils.world import detokenize, sample_scenes
from utils.world.conversations import (
    Text,
    answers,
    dialogues,
    is_caption,
    knowledge,
    prompts,
    summaries,
    text_ids,
    translations,
)

LONGEST_CAPTION = 18  # tokens, with <end>; a document is the longest


def written(model: GPT, texts: Sequence[Text], longest: int = LONGEST_CAPTION) -> list[str]:
    """Return the words that the model writes after the parts of each text: its reply."""
    return [detokenize(row) for row in model.generate(prompts(texts), longest)]


def right(model: GPT, texts: Sequence[Text]) -> Float[Tensor, " texts"]:
    """Return 1 for each text whose last part is, word for word, what the model writes after the others, else 0."""
    longest = max(len(text_ids(text[-1:])) - 1 for text in texts)
    found = written(model, [text[:-1] for text in texts], longest)
    return torch.tensor([float(words == text[-1]) for words, text in zip(found, texts, strict=True)])


def other_documents(texts: Sequence[Text]) -> list[Text]:
    """Return the texts with their documents exchanged, so that none keeps its own."""
    order = derangement(len(texts)).tolist()
    return [(texts[i][0], *text[1:]) for i, text in zip(order, texts, strict=True)]


def free_captions(model: GPT, number: int, *, seed: int, temperature: float = 1.0) -> list[str]:
    """Return texts that the model writes after <start> alone, each word drawn from what it holds for likely."""
    new = model.generate(prompts([()] * number), LONGEST_CAPTION, temperature=temperature, seed=seed)
    return [detokenize(row) for row in new]


def measure(model: GPT, number: int = 300) -> dict[str, Figure]:
    """Return the held-out figures of a language model of several tasks, each on about `number` texts."""
    on = f"about {number} scenes of 1 or 2 objects, only shape-colour pairs that training never shows"
    scenes = sample_scenes(number, seed=3000, pairs="held_out")
    two = sample_scenes(number, seed=3001, objects=(2, 2), pairs="held_out")
    asked, talks = answers(scenes, seed=3000), dialogues(two, seed=3000)
    followed, last = [text[:5] for text in talks], talks
    figures = {}
    for name, texts, bar in (
        ("translation English to Welsh", translations(scenes, "welsh"), 0.95),
        ("translation Welsh to English", translations(scenes, "english"), 0.95),
        ("summary", summaries(scenes), 0.95),
        ("answer", asked, 0.65),
        ("answer, follow-up", followed, 0.75),
        ("answer, end of dialogue", last, 0.45),
    ):
        figures[name] = figure_of(right(model, texts), bar, on)
    figures["answer, shuffled documents"] = figure_of(
        right(model, other_documents(asked)), 0.45, f"{on}, documents exchanged", at_most=True
    )
    figures["answer, no document"] = figure_of(
        right(model, [text[1:] for text in asked]), 0.45, f"{on}, without the documents", at_most=True
    )
    figures["knowledge"] = figure_of(
        right(model, knowledge("held_out")), 0.50, "which of two numbers is larger or smaller, pairs never asked before"
    )
    sentences = free_captions(model, number, seed=0)
    grammatical = torch.tensor([float(is_caption(text)) for text in sentences])
    figures["free writing is grammatical"] = figure_of(grammatical, 0.92, f"{number} captions drawn at temperature 1")
    return figures
