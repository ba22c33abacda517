"""English captions of scenes, such as "a large red circle above a small blue square"."""

from __future__ import annotations

from collections.abc import Iterable

from utils.world.scenes import Scene, Thing

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


OPPOSITES = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}


def noun_phrase(thing: Thing) -> str:
    """Return the words for one object, such as "a large red circle"."""
    return f"a {thing.size} {thing.colour} {thing.shape}"


def relation(scene: Scene, first: Thing, second: Thing) -> str:
    """Return where `first` stands from `second`: "above" or "below", or if they share a row "left of" or "right of"."""
    a, b = scene.cell(first), scene.cell(second)
    if a // scene.grid != b // scene.grid:
        return "above" if a < b else "below"
    return "left of" if a < b else "right of"


def describe(scene: Scene) -> str:
    """Return the caption of one scene.

    One object is given with its place, two with their relation, more as a list with the place of each.
    """
    things = scene.things
    if len(things) == 2:
        return f"{noun_phrase(things[0])} {relation(scene, *things)} {noun_phrase(things[1])}"
    return " and ".join(f"{noun_phrase(thing)} in the {scene.place(thing)}" for thing in things) or "nothing"


def same_meaning(told: str, true: str) -> bool:
    """Say whether two captions tell the same: equal, or with two objects exchanged and the opposite relation.

    "a small red ring above a large blue star" and "a large blue star below a small red ring" do.
    """
    if told == true:
        return True
    for word, opposite in OPPOSITES.items():
        first, found, second = true.partition(f" {word} ")
        if found and told == f"{second} {opposite} {first}":
            return True
    return False


def render_captions(scenes: Iterable[Scene]) -> list[str]:
    """Return the caption of each scene."""
    return [describe(scene) for scene in scenes]
