"""The held-out figures of the checkpoint "plora_scenes"."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.models.picture_readers import METHODS, SOFT_TOKENS, PictureReader, PictureReaders
from utils.training.checkpoints import Figure
from utils.training.recipes.plora_scenes import facts, picture_texts
from utils.world import BACKGROUND, PICTURE_SIZE, Scenes, noun_phrase, render_pictures, sample_scenes
from utils.world.notes import notes_and_phrases, text_rows

Exam = tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]
READS = {"projector": 0.30, "LoRA": 0.75, "partial LoRA": 0.90}  # the bars by method


def new_things(number: int = 600) -> Scenes:
    """Return scenes of one object whose shape and colour no picture of training has shown together."""
    return sample_scenes(number, seed=9, objects=(1, 1), pairs="held_out")


def text_exams(scenes: Scenes) -> dict[str, Exam]:
    """Return what the language model can do: notes of these things, and all the facts that it has learnt."""
    return {"notes": text_rows(notes_and_phrases(scenes, seed=2)), "facts": text_rows(facts())}


def picture_exam(scenes: Scenes) -> Exam:
    """Return the texts in which a picture of each scene stands where its note stood."""
    return text_rows(picture_texts(scenes))


def blind_exam(scenes: Scenes) -> Exam:
    """Return the texts of `picture_exam` with <mask> where the picture stood: nothing can be seen."""
    return text_rows([(" ".join(["<mask>"] * SOFT_TOKENS), noun_phrase(scene.things[0])) for scene in scenes])


def empty_picture() -> UInt8[Tensor, "3 height width"]:
    """Return a picture without any object."""
    ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1)
    return ground.expand(3, PICTURE_SIZE, PICTURE_SIZE)


def right(logits: Float[Tensor, "texts length vocabulary"], tokens: Tensor, learnt: Tensor) -> Float[Tensor, " texts"]:
    """Return 1 for each text whose learnt words are all the likeliest, each after those before it, else 0."""
    return ((logits[:, :-1].argmax(dim=-1) == tokens[:, 1:]) | ~learnt[:, 1:]).all(dim=1).float()


@torch.no_grad()
def unchanged(reader: PictureReader, language: torch.nn.Module, exam: Exam) -> Float[Tensor, " texts"]:
    """Return 1 for each text without a picture of which `reader` gives bit for bit the logits of `language`, else 0."""
    return (reader(exam[0]) == language(exam[0])).all(dim=-1).all(dim=-1).float()


@torch.no_grad()
def lost(reader: PictureReader, language: torch.nn.Module, exam: Exam) -> Float[Tensor, " texts"]:
    """Return 1 for each text whose reply `language` gets right and `reader` no longer, else 0."""
    return right(language(exam[0]), *exam) * (1 - right(reader(exam[0]), *exam))


@torch.no_grad()
def measure(model: PictureReaders) -> dict[str, Figure]:
    """Return the held-out figures: text before, and for each reader what it reads and what became of the text."""
    scenes = new_things()
    exams, reading, seen = text_exams(scenes), picture_exam(scenes), model.see(render_pictures(scenes))
    on = f"{len(scenes)} scenes of one object, only shape-colour pairs that no picture of training shows"
    where = {"notes": f"notes of {on}", "facts": f"{len(facts())} questions about words, which training asks as well"}
    figures = {
        f"{name}, text": figure_of(right(model.language(exam[0]), *exam), 0.90, where[name])
        for name, exam in exams.items()
    }
    for method in METHODS:
        reader = model.readers[method]
        read = {
            "": seen,
            ", pictures exchanged": seen[derangement(len(seen))],
            ", blank pictures": model.see(empty_picture().unsqueeze(0)).expand_as(seen),
        }
        for shown, features in read.items():
            bar = 0.20 if shown else READS[method]
            scores = right(reader(reading[0], features), *reading)
            figures[f"{method} reads{shown}"] = figure_of(scores, bar, f"pictures of {on}", at_most=bool(shown))
        for name, exam in exams.items():
            same, gone = unchanged(reader, model.language, exam), lost(reader, model.language, exam)
            plain = method == "LoRA"
            figures[f"{method}, {name} bit for bit as before"] = figure_of(
                same, 0.0 if plain else 1.0, where[name], at_most=plain
            )
            if not plain:
                figures[f"{method}, {name} lost"] = figure_of(gone, 0.0, where[name], at_most=True)
    gone = torch.cat([lost(model.readers["LoRA"], model.language, exam) for exam in exams.values()])
    figures["LoRA, notes and facts lost"] = figure_of(gone, 0.05, f"notes of {on}, and facts")
    return figures
