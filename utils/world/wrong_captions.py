"""Captions that are wrong on purpose, in four ways from hard to easy: the hard negatives of a matching model.

A wrong caption is the true caption of a scene that is not there, so what is made here are scenes. The two hardest ways
use the very words of the true caption, in another order (Yuksekgonul et al. 2023, "When and why vision-language models
behave like bags-of-words", section 2).
"""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from utils.world.candidates import has_held_out_pair
from utils.world.scenes import COLOURS, PAIRS, SHAPES, SIZES, SPLITS, Scenes, sample_scenes

WRONG_WAYS = ("things exchanged", "colours exchanged", "one word changed", "another scene")
SAME_WORDS = WRONG_WAYS[:2]
OTHERS = 1_000_000  # added to the seed of other scenes
_THINGS = torch.cartesian_prod(*(torch.arange(len(words)) for words in (SHAPES, COLOURS, SIZES)))


def matching_scenes(number: int, *, pairs: str, seed: int) -> Scenes:
    """Return `number` scenes of two things that differ in shape and in colour, so that each can be told of wrongly.

    `pairs` are those of `sample_scenes`, or "one_held_out": at least one pair in each that training never shows.
    """
    drawn = sample_scenes(
        8 * number + 100, seed=seed, objects=(2, 2), pairs="all" if pairs == "one_held_out" else pairs
    )
    if pairs == "one_held_out":
        drawn = drawn[has_held_out_pair(drawn)]
    return drawn[_differ(drawn)][:number]


def wrong_scenes(scenes: Scenes, *, seed: int, pairs: str = "all") -> dict[str, Scenes]:
    """Return for each of `WRONG_WAYS` the scenes, one for each of `scenes`, whose captions are wrong of these.

    - "things exchanged": each thing stands where the other stood
    - "colours exchanged": each thing has the other's colour
    - "one word changed": one thing has another shape, colour or size, each as often
    - "another scene": a scene drawn by itself

    No caption tells of shape-colour pairs outside `pairs`: what training never shows, no wrong caption may name either,
    or a model would learn that it is always wrong. Where two things cannot exchange their colours without that, or
    without saying the same again, their scene gets another one instead. Raises `ValueError` unless each scene holds two
    things.
    """
    if scenes.shape.shape[1] != 2 or int(scenes.count.min()) < 2:
        raise ValueError("wrong captions are made of scenes of two things; sample them with objects=(2, 2)")
    # seeds far from those of `scenes`: from the same one, "another scene" would be the very scene, and its caption true
    others = sample_scenes(len(scenes), seed=seed + OTHERS, objects=(2, 2), pairs=pairs)
    exchanged = dataclasses.replace(scenes, colour=scenes.colour.flip(1))
    fits = _differ(scenes) & _allowed(pairs)[exchanged.shape, exchanged.colour].all(dim=1)
    return {
        "things exchanged": scenes.swapped(),
        "colours exchanged": _where(fits, exchanged, others),
        "one word changed": _one_word_changed(scenes, torch.Generator().manual_seed(seed), _allowed(pairs)),
        "another scene": others,
    }


def _differ(scenes: Scenes) -> Bool[Tensor, " scenes"]:
    """Say whether the two things of each scene have neither shape nor colour in common."""
    return (scenes.shape[:, 0] != scenes.shape[:, 1]) & (scenes.colour[:, 0] != scenes.colour[:, 1])


def _allowed(pairs: str) -> Bool[Tensor, "shapes colours"]:
    return torch.tensor([pair in SPLITS[pairs] for pair in PAIRS]).view(len(SHAPES), len(COLOURS))


def _one_word_changed(scenes: Scenes, generator: torch.Generator, allowed: Bool[Tensor, "shapes colours"]) -> Scenes:
    """Put another shape, colour or size on one thing of each scene, such that it is not the other thing's twin."""
    rows = torch.arange(len(scenes))
    slot = torch.randint(2, (len(scenes),), generator=generator)
    part = torch.randint(3, (len(scenes), 1), generator=generator)
    thing, other = (
        torch.stack([scenes.shape[rows, i], scenes.colour[rows, i], scenes.size[rows, i]], dim=1)
        for i in (slot, 1 - slot)
    )
    changed: Int[Tensor, "scenes candidates 3"] = thing[:, None] != _THINGS
    twin = (_THINGS[:, :2] == other[:, None, :2]).all(dim=2)
    possible = (changed.sum(dim=2) == 1) & allowed[_THINGS[:, 0], _THINGS[:, 1]] & ~twin
    wanted = changed.gather(2, part[:, None].expand(-1, len(_THINGS), 1))[..., 0]
    # the wanted part where it can be, else any; a size can always be changed
    score = torch.rand(possible.shape, generator=generator) + wanted.float()
    found = _THINGS[score.masked_fill(~possible, -1.0).argmax(dim=1)]
    parts = {}
    for name, values in zip(("shape", "colour", "size"), found.T, strict=True):
        parts[name] = getattr(scenes, name).clone()
        parts[name][rows, slot] = values
    return dataclasses.replace(scenes, **parts)


def _where(mask: Bool[Tensor, " scenes"], first: Scenes, second: Scenes) -> Scenes:
    """Return the scenes of `first` where `mask` is True and those of `second` elsewhere."""
    names = [field.name for field in dataclasses.fields(Scenes) if field.name != "grid"]
    tensors = {name: torch.where(mask[:, None], getattr(first, name), getattr(second, name)) for name in names}
    return Scenes(**tensors, grid=first.grid)
