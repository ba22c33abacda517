"""Instruction data from three sources, at equal size and by size: what a model learns that so far only describes.

Every run begins from the checkpoint "described_scenes" and trains for as many steps; only where the instructions come
from, and how many there are, is changed. All is tested on shape-colour pairs that no training shows: questions in the
wording of the teacher, which all sources know; the same in wordings that none of them knows; and where the one object
of a picture stands, of which the teacher knows nothing.

The sweep takes minutes, so that lesson 3.7 draws its stored figures:

    python -m utils.evaluation.instruction_sweep
"""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from utils.evaluation.held_out.plora_scenes import right
from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.llava import LLaVA
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import History, fit
from utils.training.recipes.described_scenes import begin
from utils.training.recipes.llava_scenes import PICTURE, encode, llava_step, seen
from utils.world.batching import batches
from utils.world.instructions import INSTRUCTION_KINDS, NEW_WORDINGS, annotated, augmented, reword, synthesised
from utils.world.pictures import render_pictures
from utils.world.questions import Questions, ask
from utils.world.scenes import sample_scenes

FIGURES = ASSETS / "measurements" / "instruction_sweep.json"
SOURCES, COPIES = ("annotated", "synthesised", "augmented"), 8  # as many instructions does augmentation make of one
SIZES, SEEDS = (64, 256, 512, 2048), range(3)
EXAMS = ("known wording", "new wording", "places")
STEPS, BATCH, LEARNING_RATE = 300, 64, 1e-3
Rows = tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"], Float[Tensor, "texts squares merged"]]


@dataclass(frozen=True)
class InstructionData:
    """Instructions with their answers, and the pictures to which `asked.scene` gives the number."""

    asked: Questions
    pictures: UInt8[Tensor, "pictures 3 height width"]

    def __len__(self) -> int:
        return len(self.asked)

    def only(self, kept: Bool[Tensor, " instructions"]) -> InstructionData:
        """Return the instructions that are `kept`, with all pictures."""
        rows = kept.nonzero().flatten().tolist()
        some = ([column[i] for i in rows] for column in (self.asked.questions, self.asked.answers, self.asked.kinds))
        return InstructionData(Questions(self.asked.scene[kept], *some), self.pictures)


def collect(source: str, number: int, seed: int) -> InstructionData:
    """Return `number` instructions of one of the `SOURCES` about pictures of shape-colour pairs of the seen split.

    Raises `ValueError` for another source, and for a number of which augmentation cannot make `COPIES` of each.
    """
    if source not in SOURCES:
        raise ValueError(f"instructions come from {', '.join(SOURCES)}, not {source!r}")
    if number % COPIES:
        raise ValueError(f"augmentation makes {COPIES} of each instruction, so give a multiple of that, not {number}")
    if source == "augmented":
        scenes = sample_scenes(number // COPIES, seed=seed)
        pictures = render_pictures(scenes)
        return InstructionData(augmented(scenes, seed=seed), torch.cat([pictures, pictures.flip(-1)]))
    scenes = sample_scenes(number, seed=seed)
    asked = annotated(scenes, seed=seed) if source == "annotated" else synthesised(scenes, seed=seed)
    return InstructionData(asked, render_pictures(scenes))


def exam(name: str, number: int = 400) -> InstructionData:
    """Return one of the `EXAMS`: about `number` instructions about pictures of held-out pairs, with right answers."""
    if name not in EXAMS:
        raise ValueError(f"there are the exams {', '.join(EXAMS)}, not {name!r}")
    places = name == "places"
    scenes = sample_scenes(number, seed=6200, objects=(1, 1) if places else (1, 2), pairs="held_out")
    asked = ask(scenes, seed=6200, kinds=("place",) if places else INSTRUCTION_KINDS)
    if name == "new wording":
        rng = random.Random(6200)
        questions = [reword(question, rng.choice(NEW_WORDINGS)) for question in asked.questions]
        asked = dataclasses.replace(asked, questions=questions)
    return InstructionData(asked, render_pictures(scenes))


def rows_of(model: LLaVA, data: InstructionData) -> Rows:
    """Return tokens, which of them are to be written, and what the tower sees of the picture of each instruction."""
    pairs = zip(data.asked.questions, data.asked.answers, strict=True)
    tokens, learnt = encode([(PICTURE, *pair) for pair in pairs], model.config.soft_tokens)
    return tokens, learnt, seen(model, data.pictures)[data.asked.scene]


def tune(base: LLaVA, rows: Rows, seed: int, steps: int = STEPS) -> tuple[LLaVA, History]:
    """Return a copy of `base` that was taught these instructions: all but its tower trains."""
    torch.manual_seed(seed)
    model = copy.deepcopy(base)
    model.vision.requires_grad_(False)
    supply = batches(*rows, batch_size=BATCH, seed=seed, steps=steps)
    return model, fit(model, supply, llava_step, steps=steps, learning_rate=LEARNING_RATE)


@torch.no_grad()
def follows(model: LLaVA, rows: Rows) -> Float[Tensor, " texts"]:
    """Return 1 for each instruction that the model answers word for word, else 0."""
    tokens, learnt, features = rows
    return right(model.language.decode(model.embed(tokens, model.projector(features))), tokens, learnt)


def sweep() -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the share of right answers by exam, source and size, a list over the seeds; some minutes.

    The source "annotated, no stage 1" is a model that begins untrained, with the largest number of instructions.
    """
    described, _ = load_checkpoint("described_scenes")
    exams = {name: rows_of(described, exam(name)) for name in EXAMS}
    scores: dict = {name: {} for name in EXAMS}
    runs = [(source, source, size) for source in SOURCES for size in SIZES]
    untrained = [("annotated, no stage 1", "annotated", size) for size in SIZES[-1:]]
    for name, source, size in [*runs, *untrained]:
        for seed in SEEDS:
            base = described if name == source else begin(seed)
            model, _ = tune(base, rows_of(base, collect(source, size, seed)), seed)
            for title, rows in exams.items():
                found = scores[title].setdefault(name, {}).setdefault(str(size), [])
                found.append(round(follows(model, rows).mean().item(), 4))
    return scores


def stored_sweep() -> dict[str, dict[str, dict[int, Interval]]]:
    """Return the stored scores by exam, source and size, each with its interval over the seeds."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {
        title: {
            source: {int(size): bootstrap(torch.tensor(values)) for size, values in sizes.items()}
            for source, sizes in sources.items()
        }
        for title, sources in stored.items()
    }


def main() -> None:
    """Run the sweep and store its figures."""
    store(sweep(), FIGURES)


if __name__ == "__main__":
    main()
