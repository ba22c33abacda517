"""The checkpoint "two_stages": a language model of documents, which learns to see in LLaVA's two stages."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.two_stages import TwoStages
from utils.training.checkpoints import load_checkpoint
from utils.training.device import set_seed
from utils.training.loop import History, fit
from utils.training.recipes.clip_scenes import CONFIG as CLIP_CONFIG
from utils.training.recipes.llava_scenes import (
    PICTURE,
    config_of,
    encode,
    in_reading_order,
    llava_step,
    seen,
    without_last_block,
)
from utils.training.recipes.recipe import Recipe
from utils.training.stages import train_stage
from utils.world import Questions, Scene, Scenes, ask, batches, render_pictures, sample_scenes
from utils.world.boxes import box_of, box_words
from utils.world.conversations import SUMMARY, Text, tell
from utils.world.tokenizer import VOCABULARY

Rows = tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"], Float[Tensor, "texts squares merged"]]

SEED, BATCH = 3300, 64
TOLD, CAPTIONED, ASKED_ABOUT = 24_000, 5000, 1500  # scenes: in words only, with a caption, with questions
LANGUAGE_STEPS, STAGE_STEPS = 2200, 800  # of the language model, and of each of the two stages
STAGES = {  # what learns in each, and how fast
    "stage 1": (("projector",), 1e-2),
    "stage 2": (("projector", "language"), 2e-3),
}
KINDS = ("colour", "shape", "size", "count", "place")
QUESTIONS = 3  # about each scene
IN_NUMBERS = "in the picture"  # "where is the ring in the picture" asks for a box


def tellings(scenes: Sequence[Scene], opening: str = "") -> list[Text]:
    """Return for each scene what it holds and where, in reading order, asked for after `opening` or its document."""
    return [(opening or tell(scene), SUMMARY, tell(in_reading_order(scene))) for scene in scenes]


def conversation(scenes: Scenes, seed: int) -> Questions:
    """Return the questions that are asked about the scenes, some about each."""
    return ask(scenes, seed=seed, kinds=KINDS, each=QUESTIONS)


def talks(scenes: Scenes, seed: int, opening: str = "", *, boxes: bool = False) -> tuple[list[Text], list[int]]:
    """Return a talk about each scene of which something can be asked, and the number of its scene.

    A talk is `opening`, or the scene's document, and questions with their answers. With `boxes`, the first question of
    where something is comes a second time, to be answered by a box.
    """
    asked, things, found, boxed = conversation(scenes, seed), list(scenes), {}, set()
    for i, question, answer, kind in zip(
        asked.scene.tolist(), asked.questions, asked.answers, asked.kinds, strict=True
    ):
        turns = found.setdefault(i, [opening or tell(things[i])])
        turns += [question, answer]
        if boxes and kind == "place" and i not in boxed:
            boxed.add(i)
            (thing,) = (thing for thing in things[i].things if things[i].place(thing) == answer)
            turns += [f"{question} {IN_NUMBERS}", box_words(box_of(thing))]
    return [tuple(turns) for turns in found.values()], list(found)


def language_rows() -> tuple[Tensor, Tensor]:
    """Return the texts of the language model: documents, their tellings and talks about them, all in words.

    They tell of all pairs of shape and colour, as text does of most things. Only pictures leave some out.
    """
    scenes = sample_scenes(TOLD, seed=SEED, pairs="all")
    third = TOLD // 3
    return encode(tellings(scenes[:third]) + talks(scenes[third:], SEED)[0], 0)


def captioned() -> tuple[list[Text], Scenes]:
    """Return the texts of stage 1 and the scenes of their pictures."""
    scenes = sample_scenes(CAPTIONED, seed=SEED + 1)
    return tellings(scenes, PICTURE), scenes


def instructed() -> tuple[list[Text], Scenes]:
    """Return the texts of stage 2, talks and descriptions, and the scenes of their pictures."""
    scenes = sample_scenes(ASKED_ABOUT, seed=SEED + 2)
    texts, about = talks(scenes, SEED + 2, PICTURE, boxes=True)
    return texts + tellings(scenes, PICTURE), scenes[about + list(range(len(scenes)))]


def rows_of(model: LLaVA, texts: Sequence[Text], scenes: Scenes) -> Rows:
    """Return tokens, what is learnt of them, and what the frozen tower sees of each text's picture."""
    return *encode(texts, model.config.soft_tokens), seen(model, render_pictures(scenes))


def learn_language(config: GPTConfig, seed: int, steps: int = LANGUAGE_STEPS) -> tuple[GPT, History]:
    """Return a language model that has read documents, and what happened; no picture is involved."""
    set_seed(seed)
    model, rows = GPT(config), language_rows()
    history = fit(
        model,
        batches(*rows, batch_size=BATCH, seed=seed, steps=steps),
        lambda model, tokens, learnt: next_token_loss(model(tokens), tokens, learnt),
        steps=steps,
        learning_rate=4e-3,
        description="language model",
    )
    return model, history


def learn_stage(model: LLaVA, stage: str, rows: Rows, seed: int, steps: int = STAGE_STEPS) -> History:
    """Train `model` in place as one of `STAGES` says, and return what happened."""
    parts, learning_rate = STAGES[stage]
    supply = batches(*rows, batch_size=BATCH, seed=seed, steps=steps)
    return train_stage(model, parts, supply, llava_step, steps=steps, learning_rate=learning_rate, description=stage)


def build(fields: dict[str, Any]) -> TwoStages:
    """Return untrained models of the configuration that a model card holds as plain data."""
    model = TwoStages(config_of(fields))
    without_last_block(model.llava)
    return model


def train(recipe: Recipe) -> tuple[TwoStages, History]:
    """Train the language model on text, and then both stages: some minutes on one core.

    The history is that of the stages.
    """
    language, _ = learn_language(recipe.config.language, recipe.seed)
    set_seed(recipe.seed)
    model = TwoStages(recipe.config, load_checkpoint("region_scenes")[0], language)
    without_last_block(model.llava)
    first = model.after_stage_1()
    aligning = learn_stage(first, "stage 1", rows_of(first, *captioned()), recipe.seed)
    model.llava.projector = copy.deepcopy(model.projector)
    model.llava.language = copy.deepcopy(language)
    tuning = learn_stage(model.llava, "stage 2", rows_of(model.llava, *instructed()), recipe.seed)
    return model.eval(), History(
        aligning.losses + tuning.losses, aligning.samples + tuning.samples, aligning.seconds + tuning.seconds
    )


RECIPE = Recipe(
    name="two_stages",
    description="a language model that learns to see in LLaVA's two stages (lesson 3.3)",
    data=(
        f"documents of {TOLD} scenes of 1 or 2 objects, seed {SEED}, of all shape-colour pairs; captions of "
        f"{CAPTIONED} pictures, seed {SEED + 1}, and talks about {ASKED_ABOUT}, seed {SEED + 2}, only pairs of the "
        "seen split; the vision tower is that of region_scenes"
    ),
    seed=0,
    steps=2 * STAGE_STEPS,
    architecture="TwoStages",
    config=LLaVAConfig(
        vision=CLIP_CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=72, width=64, depth=3, heads=4, hidden=256),
        merge=2,
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
)
