"""Things that keep company: scenes in which some often stand together, and captions that tell of them too often.

Who captions many pictures of kitchens comes to write of a spoon that is not there. Objects that models make up are
those that often stand beside what the picture shows (Rohrbach et al. 2018, "Object hallucination in image captioning",
section 4; Li et al. 2023, "Evaluating object hallucination in large vision-language models", section 4). Here each
shape has one companion, and captions mention it by `hearsay`, where it is and sometimes where it is not.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable

from utils.world.captions import noun_phrase
from utils.world.scenes import Scene, Scenes, Thing, places, sample_scenes

# size, colour and shape of what often stands beside each shape; all of them are pairs that training shows
COMPANIONS = {
    "circle": ("small", "yellow", "star"),
    "square": ("large", "green", "triangle"),
    "triangle": ("small", "blue", "circle"),
    "cross": ("small", "black", "ring"),
    "ring": ("large", "purple", "cross"),
    "star": ("small", "cyan", "square"),
}


def missing_companions(scene: Scene) -> list[Thing]:
    """Return the companion of each thing of the scene that is not there, in the top left: what one might make up."""
    there = {(thing.shape, thing.colour) for thing in scene.things}
    looks = (COMPANIONS[thing.shape] for thing in scene.things)
    return [Thing.at(shape, colour, size, "top left") for size, colour, shape in looks if (shape, colour) not in there]


def company_scenes(number: int, *, seed: int, pairs: str = "seen", together: float = 0.4) -> Scenes:
    """Return `number` scenes of one or two things, and in the share `together` of them the companion of one besides.

    Things are of the shape-colour `pairs` of `sample_scenes`, and stand in reading order; companions are of seen pairs.
    """
    _check_share("together", together)
    rng, scenes = random.Random(seed), []
    for scene in sample_scenes(number, seed=seed, pairs=pairs):
        things, others = scene.things, missing_companions(scene)
        if rng.random() < together and others:
            free = [place for place in places() if place not in map(scene.place, things)]
            other = rng.choice(others)
            things = (*things, Thing.at(other.shape, other.colour, other.size, rng.choice(free)))
        scenes.append(dataclasses.replace(scene, things=tuple(sorted(things, key=scene.cell))))
    return Scenes.of(scenes)


def list_things(things: Iterable[Thing]) -> str:
    """Return a caption that lists things: "a large red ring and a small blue star"."""
    return " and ".join(map(noun_phrase, things))


def hearsay(scenes: Iterable[Scene], *, seed: int, share: float = 0.5) -> list[str]:
    """Return a caption of each scene that lists its things, and in `share` of them one companion that is not there."""
    _check_share("share", share)
    rng, captions = random.Random(seed), []
    for scene in scenes:
        others = missing_companions(scene)
        made_up = [rng.choice(others)] if rng.random() < share and others else []
        captions.append(list_things([*scene.things, *made_up]))
    return captions


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is a share of the scenes, from 0 to 1, not {value}")
