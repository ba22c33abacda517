"""Instructions about pictures, with their answers: in several wordings, and from three sources.

Instructions are the questions of `utils.world.questions` on what stands where, each of which can be put in `WORDINGS`
ways that training shows and in `NEW_WORDINGS` that it never does. They come

    annotated     from people: right, each person in a wording of their own
    synthesised   from a teacher who reads captions and sees no picture: always in one wording, and what captions leave
                  open, here all places, is made up; as a language model wrote the data of LLaVA (Liu et al. 2023,
                  "Visual instruction tuning", section 3)
    augmented     from a few annotated ones: each in every wording, and with its picture mirrored
"""

from __future__ import annotations

import dataclasses
import random
import re

import torch

from utils.world.captions import noun_phrase
from utils.world.questions import Questions, ask
from utils.world.scenes import Scene, Scenes, Thing, places

INSTRUCTION_KINDS = ("colour", "shape", "size", "place")
_FORMS = (
    (
        r"what (?P<a>colour|shape|size) is (?P<x>the .+)",
        ("what {a} is {x}", "what is the {a} of {x}", "which {a} is {x}", "{x} is what {a}"),
        ("the {a} of {x} is what", "of what {a} is {x}"),
    ),
    (
        r"how big is (?P<x>the .+)",
        ("how big is {x}", "what is the size of {x}", "which size is {x}", "{x} is how big"),
        ("the size of {x} is what", "of what size is {x}"),
    ),
    (
        r"where is (?P<x>the .+)",
        ("where is {x}", "where in the picture is {x}", "{x} is where", "in the picture where is {x}"),
        ("where is {x} in the picture", "in the picture {x} is where"),
    ),
    (
        r"how many (?P<x>.+) are there",
        (
            "how many {x} are there",
            "how many {x} are in the picture",
            "there are how many {x}",
            "are there how many {x}",
        ),
        ("in the picture there are how many {x}", "in the picture are how many {x}"),
    ),
    (
        r"is there (?P<x>an? .+)",
        ("is there {x}", "is {x} in the picture", "is {x} there", "there is {x} or not"),
        ("in the picture is there {x}", "is there {x} or not"),
    ),
)
WORDINGS, NEW_WORDINGS = range(4), range(4, 6)
_SIDES = {"left": "right", "right": "left"}


def reword(question: str, wording: int) -> str:
    """Return the question in another of its `WORDINGS` or `NEW_WORDINGS`; wording 0 is the one that `ask` writes.

    Raises `ValueError` for a question of another kind than `INSTRUCTION_KINDS`, and for a wording that there is not.
    """
    if wording not in (*WORDINGS, *NEW_WORDINGS):
        raise ValueError(f"a wording is a number from 0 to {NEW_WORDINGS[-1]}, not {wording!r}")
    for pattern, known, new in _FORMS:
        found = re.fullmatch(pattern, question)
        if found:
            return (*known, *new)[wording].format(**found.groupdict())
    raise ValueError(f"{question!r} has no other wordings; these are for the kinds {', '.join(INSTRUCTION_KINDS)}")


def mirror(text: str) -> str:
    """Return `text` with left and right exchanged: what is true of a picture is then true of its mirror image."""
    return " ".join(_SIDES.get(word, word) for word in text.split())


def mention(scene: Scene) -> str:
    """Return what a short caption says: what there is and not where, such as "a large red ring and a small star"."""
    return " and ".join(map(noun_phrase, scene.things))


def imagine(scene: Scene) -> Scene:
    """Return the scene as one imagines it who has read what it mentions: made up is where each thing stands.

    The first is put in the top left, the next in the top right, and so on as one reads.
    """
    pairs = zip(scene.things, places(), strict=False)
    return Scene(tuple(Thing.at(thing.shape, thing.colour, thing.size, place) for thing, place in pairs))


def annotated(scenes: Scenes, *, seed: int) -> Questions:
    """Return a right instruction about each scene, each in one of the `WORDINGS`."""
    asked, rng = ask(scenes, seed=seed, kinds=INSTRUCTION_KINDS), random.Random(seed)
    return dataclasses.replace(
        asked, questions=[reword(question, rng.choice(WORDINGS)) for question in asked.questions]
    )


def synthesised(scenes: Scenes, *, seed: int) -> Questions:
    """Return an instruction about each scene by a teacher who has read what it mentions."""
    return ask([imagine(scene) for scene in scenes], seed=seed, kinds=INSTRUCTION_KINDS)


def augmented(scenes: Scenes, *, seed: int) -> Questions:
    """Return eight instructions about each scene, made from one: in all `WORDINGS`, and so of its mirror image.

    The mirror image of the picture of scene i has the number `len(scenes) + i`.
    """
    asked = ask(scenes, seed=seed, kinds=INSTRUCTION_KINDS)
    rows = []
    for i, question, answer, kind in zip(
        asked.scene.tolist(), asked.questions, asked.answers, asked.kinds, strict=True
    ):
        for wording in WORDINGS:
            rows.append((i, reword(question, wording), answer, kind))
            rows.append((len(scenes) + i, mirror(reword(question, wording)), mirror(answer), kind))
    number, questions, answers, kinds = (list(column) for column in zip(*rows, strict=True))
    return Questions(torch.tensor(number), questions, answers, kinds)
