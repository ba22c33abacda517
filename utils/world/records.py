"""The structured modality: a scene as a table with a row for each object, and as the numbers that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.scenes import COLOURS, PICTURE_SIZE, PIXELS, SHAPES, SIZES, Scene, Scenes, Thing

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("shape", "colour", "size", "place", "x", "y")
EVERY_COLUMN = (*COLUMNS, "depth", "motion", "sound")  # with what a picture does not show
_CATEGORIES = {"shape": SHAPES, "colour": COLOURS, "size": SIZES}
# The name of each number in an encoded row: a column of its own for every word, then the coordinates.
FEATURES = (*(f"{column} {word}" for column, words in _CATEGORIES.items() for word in words), "x", "y")


def to_table(scene: Scene, columns: Sequence[str] = COLUMNS) -> DataFrame:
    """Return the record of a scene: one row an object, with its words, its place, and its centre in pixels.

    `columns` are some of `EVERY_COLUMN`.
    """
    import pandas as pd

    rows = [{**vars(thing), "place": scene.place(thing)} for thing in scene.things]
    whole = {column: int for column in ("x", "y", "depth") if column in columns}
    return pd.DataFrame(rows, columns=list(columns)).astype(whole)


def from_table(table: DataFrame, grid: int = 2) -> Scene:
    """Return the scene of a table such as `to_table` gives; the place is read from `x` and `y`, not from its column.

    Where there is no column for depth, motion or sound, they are those of a `Thing` of which nothing more is said.
    Raises `ValueError` for a missing column, a word that is not in this world or a centre outside the picture.
    """
    missing = [column for column in COLUMNS if column not in table.columns and column != "place"]
    if missing:
        raise ValueError(f"the table has no column {', '.join(missing)}; a record needs shape, colour, size, x and y")
    outside = ~table[["x", "y"]].isin(range(PICTURE_SIZE)).all(axis=1)
    if outside.any():
        raise ValueError(f"x and y must be whole numbers from 0 to {PICTURE_SIZE - 1}; see row {outside.idxmax()}")
    columns = [column for column in EVERY_COLUMN if column in table.columns and column != "place"]
    rows = table[columns].astype({"x": int, "y": int}).to_dict("records")
    return Scene(tuple(Thing(**row) for row in rows), grid)


def encode_records(scenes: Scenes, slots: int | None = None) -> Float[Tensor, "scenes slots features"]:
    """Return the records as numbers, named by `FEATURES`, with a row of zeros in each empty slot.

    A word becomes a row of zeros with a single one (one-hot), since no word is more than another; the coordinates are
    scaled from pixels to 0 to 1. Depth, motion and sound are no part of it. `slots` is how many objects a record has
    room for, by default as many as `scenes` has.

    Raises `ValueError` if a scene has more objects than `slots`.
    """
    width = scenes.shape.shape[1]
    slots = width if slots is None else slots
    most = int(scenes.count.max()) if len(scenes) else 0
    if slots < most:
        raise ValueError(f"a scene has {most} objects, and the record has room for {slots}; give slots={most} or more")
    full = scenes.shape >= 0
    parts = [
        torch.nn.functional.one_hot(getattr(scenes, column).clamp(min=0), len(words)).float()
        for column, words in _CATEGORIES.items()
    ]
    coordinates = torch.stack([scenes.x, scenes.y], dim=-1).float() / (PICTURE_SIZE - 1)
    rows = torch.cat([*parts, coordinates], dim=-1) * full.unsqueeze(-1)
    # objects come before empty slots, so that cutting and padding at the end loses nothing
    return torch.nn.functional.pad(rows, (0, 0, 0, slots - width))


def decode_records(records: Float[Tensor, "scenes slots features"], grid: int = 2) -> Scenes:
    """Return the scenes of encoded records: in each group the word with the greatest number, and rounded coordinates.

    A slot whose shape columns sum to less than a half is empty, so a model's soft output can be read too.

    Raises `ValueError` unless `records` is [scenes, slots, features] for the features of this world.
    """
    if records.ndim != 3 or records.shape[-1] != len(FEATURES):
        raise ValueError(f"records must be [scenes, slots, {len(FEATURES)}], not {list(records.shape)}")
    if grid not in PIXELS:
        raise ValueError(f"grid must be one of {', '.join(map(str, PIXELS))}, not {grid!r}")
    *groups, coordinates = records.split([*map(len, _CATEGORIES.values()), 2], dim=-1)
    empty = groups[0].sum(-1) < 0.5
    x, y = (coordinates * (PICTURE_SIZE - 1)).round().long().clamp(0, PICTURE_SIZE - 1).unbind(-1)
    values = [value.masked_fill(empty, -1) for value in (*(group.argmax(-1) for group in groups), x, y)]
    objects_first = empty.long().argsort(dim=1, stable=True)
    return Scenes(*(value.gather(1, objects_first) for value in values), grid=grid)
