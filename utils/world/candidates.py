"""Sets of scenes for retrieval: which candidates a model must tell apart."""

from __future__ import annotations

from collections.abc import Collection

import torch
from jaxtyping import Bool
from torch import Tensor

from utils.world.captions import describe, noun_phrase
from utils.world.scenes import COLOURS, HELD_OUT_PAIRS, SHAPES, Scene, Scenes, sample_scenes


def has_held_out_pair(scenes: Scenes) -> Bool[Tensor, " scenes"]:
    """Say for each scene whether any of its objects has a shape-colour pair that training never shows."""
    held_out = torch.zeros(len(SHAPES), len(COLOURS), dtype=torch.bool)
    for shape, colour in HELD_OUT_PAIRS:
        held_out[SHAPES.index(shape), COLOURS.index(colour)] = True
    return (held_out[scenes.shape.clamp(min=0), scenes.colour.clamp(min=0)] & (scenes.shape >= 0)).any(1)


def pick_distinct(scenes: Scenes, number: int, *, exclude: Collection[str] = ()) -> Scenes:
    """Return the first `number` scenes no two of which hold the same objects, and whose captions are not in `exclude`.

    Two scenes of the same objects in another order differ in their relation alone; whether a model sees that is a
    question of its own, so retrieval leaves it out. One object alone counts as another in another place. Raises
    `ValueError` if there are not enough such scenes.
    """
    taken, rows = set(), []
    for row, scene in enumerate(scenes):
        content = _content(scene)
        if content not in taken and describe(scene) not in exclude:
            taken.add(content)
            rows.append(row)
            if len(rows) == number:
                return scenes[rows]
    raise ValueError(f"only {len(rows)} of these {len(scenes)} scenes are distinct and new; {number} were asked for")


def retrieval_scenes(number: int = 64, *, pairs: str, seed: int, exclude: Collection[str] = ()) -> Scenes:
    """Return `number` distinct scenes of two objects, as candidates for retrieval.

    `pairs` is "seen" (training shows every pair), "one_held_out" (at least one pair in every scene is never shown, so
    that the candidates are as varied as the seen ones and only the combination is new) or "held_out" (no pair is ever
    shown; with few pairs to draw from, the candidates are also more alike and harder to tell apart). `exclude` holds
    the captions of the training scenes.
    """
    if pairs == "one_held_out":
        scenes = sample_scenes(16 * number, seed=seed, objects=(2, 2), pairs="all")
        scenes = scenes[has_held_out_pair(scenes)]
    else:
        scenes = sample_scenes(16 * number, seed=seed, objects=(2, 2), pairs=pairs)
    return pick_distinct(scenes, number, exclude=exclude)


def _content(scene: Scene) -> frozenset[str]:
    if len(scene.things) == 1:
        return frozenset([describe(scene)])
    return frozenset(noun_phrase(thing) for thing in scene.things)
