"""Does a drawn picture show what its caption says? A reader that had no part in the drawing tells."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from utils.models.reader import NOTHING, Reader
from utils.world.captions import relation
from utils.world.scenes import COLOURS, SHAPES, SIZES, Scene, Scenes, Thing, places


@dataclass(frozen=True)
class Drawings:
    """For each drawing whether it is right: in its objects' colours and shapes; in their sizes; in where they are.

    `where` is the place of one object alone, and of two how they stand to each other. Both wait for the right objects:
    where colour or shape is wrong, `size` and `where` are too.
    """

    objects: Bool[Tensor, " drawings"]
    size: Bool[Tensor, " drawings"]
    where: Bool[Tensor, " drawings"]

    @property
    def right(self) -> Bool[Tensor, " drawings"]:
        """Whether all is right."""
        return self.objects & self.size & self.where


def read_scene(contents: Int[Tensor, "4 3"]) -> Scene:
    """Return the scene of what a reader has read in the four quarters of one picture."""
    return Scene(
        tuple(
            Thing.at(SHAPES[shape], COLOURS[colour], SIZES[size], place)
            for (shape, colour, size), place in zip(contents.tolist(), places(), strict=True)
            if NOTHING not in (shape, colour, size)
        )
    )


def judge_drawings(reader: Reader, pictures: Tensor, asked: Scenes) -> Drawings:
    """Return how right each picture (0 to 255) is as a drawing of the caption of the scene in its row of `asked`.

    A caption of two objects leaves open in which quarters they stand, and so does the judge.
    """
    rows = [_compare(read_scene(read), scene) for read, scene in zip(reader.read(pictures), asked, strict=True)]
    return Drawings(*torch.tensor(rows, dtype=torch.bool).view(-1, 3).unbind(dim=1))


def _compare(read: Scene, asked: Scene) -> tuple[bool, bool, bool]:
    """Whether objects, sizes and places of `read` are those that the caption of `asked` tells."""

    def looks(scene: Scene, *names: str) -> list[tuple[str, ...]]:
        return sorted(tuple(getattr(thing, name) for name in names) for thing in scene.things)

    objects = looks(read, "shape", "colour") == looks(asked, "shape", "colour")
    size = objects and looks(read, "shape", "colour", "size") == looks(asked, "shape", "colour", "size")
    if not size:  # which object is which may then be unclear
        return objects, False, False
    if len(asked.things) == 2:
        order = [(thing.shape, thing.colour, thing.size) for thing in asked.things]
        first, second = sorted(read.things, key=lambda thing: order.index((thing.shape, thing.colour, thing.size)))
        return True, True, relation(read, first, second) == relation(asked, *asked.things)
    return True, True, {read.place(thing) for thing in read.things} == {asked.place(thing) for thing in asked.things}
