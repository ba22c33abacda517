"""Scenes: small records of objects, from which every modality of the course is rendered.

A `Scene` is what one reads; `Scenes` holds many of them as tensors, which is what one computes with. Both say the
same thing and convert into one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from numbers import Integral

import torch
from jaxtyping import Int
from torch import Tensor

PICTURE_SIZE = 32  # pixels a side, in the whole course
SHAPES = ("circle", "square", "triangle", "cross", "ring", "star")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "black")
SIZES = ("small", "large")
# A scene stands in a room as deep as the picture is wide; the viewer looks along `depth`, without perspective.
NEAREST, MIDDLE, FARTHEST = 8, 16, 24  # pixels from the viewer to an object's centre: the whole object is in the room
MOTIONS = (
    *("still", "moves left", "moves right", "moves up", "moves down"),
    *("grows", "shrinks", "spins", "bounces", "blinks"),
)
SOUNDS = ("tone", "silent")
# grid -> side in pixels of a small and of a large object; odd, so that a centre exists
PIXELS = {2: (9, 13), 3: (5, 9)}
ROWS = {2: ("top", "bottom"), 3: ("top", "middle", "bottom")}
COLUMNS = {2: ("left", "right"), 3: ("left", "middle", "right")}

PAIRS = tuple((shape, colour) for shape in SHAPES for colour in COLOURS)
# Every colour is held out once and every shape once or twice, so no word is new to a model: only the combination is.
HELD_OUT_PAIRS = tuple((SHAPES[i % len(SHAPES)], colour) for i, colour in enumerate(COLOURS))
SEEN_PAIRS = tuple(pair for pair in PAIRS if pair not in HELD_OUT_PAIRS)
SPLITS = {"all": PAIRS, "seen": SEEN_PAIRS, "held_out": HELD_OUT_PAIRS}


def places(grid: int = 2) -> tuple[str, ...]:
    """Return the names of the cells of a `grid` x `grid` picture in reading order, such as "top left"."""
    return tuple("middle" if row == column else f"{row} {column}" for row in ROWS[grid] for column in COLUMNS[grid])


def cell_edges(grid: int) -> list[int]:
    """Return the `grid` + 1 pixel columns at which the cells of a picture begin and end."""
    return [i * PICTURE_SIZE // grid for i in range(grid + 1)]


@dataclass(frozen=True)
class Thing:
    """One object: its attributes as words, its centre `x` (from the left), `y` (from the top) and `depth` in pixels.

    `depth` is the distance from the viewer, `NEAREST` to `FARTHEST`. `motion` is what it does in a video. `sound` says
    whether it makes its tone or is silent; which tone that is follows from what else it is, so that a sound tells a
    part of the scene and never all: the shape makes the timbre, the size the pitch (small is high), `x` the side from
    which it comes and `depth` how loud it is. Nobody can hear a colour, or whether a thing stands high or low.
    """

    shape: str
    colour: str
    size: str
    x: int
    y: int
    depth: int = MIDDLE
    motion: str = MOTIONS[0]
    sound: str = SOUNDS[0]

    def __post_init__(self):
        for name, allowed in _WORDS.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} {value!r} is not in this world; choose from {', '.join(allowed)}")
        if not NEAREST <= self.depth <= FARTHEST:
            raise ValueError(f"depth must be a number of pixels from {NEAREST} to {FARTHEST}, not {self.depth}")

    @classmethod
    def at(
        cls,
        shape: str,
        colour: str,
        size: str,
        place: str,
        grid: int = 2,
        *,
        depth: int = MIDDLE,
        motion: str = MOTIONS[0],
        sound: str = SOUNDS[0],
    ) -> Thing:
        """Return a thing in the middle of the cell called `place`, such as "top left"."""
        if place not in places(grid):
            raise ValueError(f"place {place!r} is not on a {grid}x{grid} grid; choose from {', '.join(places(grid))}")
        row, column = divmod(places(grid).index(place), grid)
        edges = cell_edges(grid)
        x, y = ((edges[i] + edges[i + 1]) // 2 for i in (column, row))
        return cls(shape, colour, size, x, y, depth, motion, sound)


@dataclass(frozen=True)
class Scene:
    """One scene: its objects in the order in which a caption names them, and the grid that they stand on."""

    things: tuple[Thing, ...]
    grid: int = 2

    def place(self, thing: Thing) -> str:
        """Return the name of the cell in which `thing` stands."""
        return places(self.grid)[self.cell(thing)]

    def cell(self, thing: Thing) -> int:
        """Return the number, in reading order, of the cell in which `thing` stands."""
        edges = cell_edges(self.grid)
        column = sum(thing.x >= edge for edge in edges[1:-1])
        row = sum(thing.y >= edge for edge in edges[1:-1])
        return row * self.grid + column


@dataclass(frozen=True)
class Scenes:
    """Many scenes as tensors of whole numbers, one row a scene and one column an object.

    `shape`, `colour`, `size`, `motion` and `sound` index `SHAPES`, `COLOURS`, `SIZES`, `MOTIONS` and `SOUNDS`; -1 marks
    an empty place in the row, and objects come before empty places. `x`, `y` and `depth` are the centre in pixels. Left
    out, `depth`, `motion` and `sound` are those of a `Thing` of which nothing more is said.
    """

    shape: Int[Tensor, "scenes slots"]
    colour: Int[Tensor, "scenes slots"]
    size: Int[Tensor, "scenes slots"]
    x: Int[Tensor, "scenes slots"]
    y: Int[Tensor, "scenes slots"]
    depth: Int[Tensor, "scenes slots"] | None = None
    motion: Int[Tensor, "scenes slots"] | None = None
    sound: Int[Tensor, "scenes slots"] | None = None
    grid: int = 2

    def __post_init__(self):
        for name, default in (("depth", MIDDLE), ("motion", 0), ("sound", 0)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, torch.full_like(self.shape, default).where(self.shape >= 0, -1))

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, index) -> Scene | Scenes:
        """Return one `Scene` for a whole number, and `Scenes` for a slice, a mask or a list of indices."""
        if isinstance(index, Tensor) and index.ndim == 0:
            index = index.item()
        if not isinstance(index, Integral):
            return self._map(lambda values: values[index])
        rows = [getattr(self, name)[index].tolist() for name in _TENSORS]
        things = (
            Thing(**{name: _WORDS[name][value] if name in _WORDS else value for name, value in columns.items()})
            for columns in (dict(zip(_TENSORS, values, strict=True)) for values in zip(*rows, strict=True))
            if columns["shape"] >= 0
        )
        return Scene(tuple(things), self.grid)

    def __iter__(self) -> Iterator[Scene]:
        return (self[i] for i in range(len(self)))

    @property
    def count(self) -> Int[Tensor, " scenes"]:
        """How many objects each scene holds."""
        return (self.shape >= 0).sum(1)

    def swapped(self) -> Scenes:
        """Return the same scenes with the first two objects' attributes exchanged between their places.

        A scene of "a red circle above a blue square" becomes one of "a blue square above a red circle": the same
        words, another scene. How they move and sound goes with them; how deep a place is stays with the place.
        """
        if int(self.count.min()) < 2:
            raise ValueError("only scenes of at least two objects can be swapped; keep scenes[scenes.count >= 2]")
        order = [1, 0, *range(2, self.shape.shape[1])]
        attributes = {name: getattr(self, name)[:, order] for name in _WORDS}
        # A large object may not fit where a small one stood near the edge of its cell, so both move to the middle.
        edges = torch.tensor(cell_edges(self.grid))
        middle = (edges[:-1] + edges[1:]) // 2
        centred = {
            name: middle[torch.bucketize(getattr(self, name), edges[1:-1], right=True)].where(self.shape >= 0, -1)
            for name in ("x", "y")
        }
        return Scenes(**attributes, **centred, depth=self.depth, grid=self.grid)

    @classmethod
    def of(cls, scenes: Iterable[Scene]) -> Scenes:
        """Return `Scenes` that hold the given scenes, which must share one grid."""
        scenes = list(scenes)
        if len({scene.grid for scene in scenes}) != 1:
            raise ValueError("give at least one scene, and scenes that all share one grid")
        slots = max(1, *(len(scene.things) for scene in scenes))
        rows = torch.full((len(_TENSORS), len(scenes), slots), -1)
        for i, scene in enumerate(scenes):
            for j, thing in enumerate(scene.things):
                values = ((name, getattr(thing, name)) for name in _TENSORS)
                rows[:, i, j] = torch.tensor(
                    [_WORDS[name].index(value) if name in _WORDS else value for name, value in values]
                )
        return cls(*rows, grid=scenes[0].grid)

    def _map(self, function) -> Scenes:
        return Scenes(*(function(getattr(self, name)) for name in _TENSORS), grid=self.grid)


_WORDS = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "motion": MOTIONS, "sound": SOUNDS}
_TENSORS = tuple(field.name for field in fields(Scenes) if field.name != "grid")


def sample_scenes(
    number: int,
    *,
    seed: int,
    objects: tuple[int, int] = (1, 2),
    pairs: str = "seen",
    grid: int = 2,
    jitter: int = 1,
    depths: tuple[int, int] = (MIDDLE, MIDDLE),
    motions: Sequence[str] = MOTIONS[:1],
    sounds: Sequence[str] = SOUNDS[:1],
) -> Scenes:
    """Return `number` random scenes, each object alone in its cell and unlike the others in shape or colour.

    `objects` is the least and the greatest number of objects in a scene. `pairs` says which shape-colour pairs occur:
    "seen" (those of training), "held_out" (those that training never shows) or "all". `grid` is 2 for large objects
    in four cells, which a small model learns in seconds, or 3 for small objects in nine. `jitter` is how many pixels an
    object may stand off the middle of its cell, as far as the cell has room: the more, the later a model learns shapes.

    `depths` is the least and the greatest depth, such as (NEAREST, FARTHEST); `motions` and `sounds` are those that
    occur, such as MOTIONS. Each object draws its own, and nothing else changes: a seed gives the same shapes, colours,
    sizes and places whatever these three say.
    """
    if pairs not in SPLITS:
        raise ValueError(f"pairs must be one of {', '.join(SPLITS)}, not {pairs!r}")
    if grid not in PIXELS:
        raise ValueError(f"grid must be one of {', '.join(map(str, PIXELS))}, not {grid!r}")
    least, most = objects
    allowed = SPLITS[pairs]
    if not 1 <= least <= most <= min(grid**2, len(allowed)):
        raise ValueError(f"objects must be (least, most) with 1 <= least <= most <= {min(grid**2, len(allowed))}")
    if not NEAREST <= depths[0] <= depths[1] <= FARTHEST:
        raise ValueError(f"depths must be (least, greatest) with {NEAREST} <= least <= greatest <= {FARTHEST}")
    for name, words in (("motions", motions), ("sounds", sounds)):
        if isinstance(words, str) or not words or not set(words) <= set(_WORDS[name[:-1]]):
            raise ValueError(f"{name} must be some of {', '.join(_WORDS[name[:-1]])}, not {words!r}")
    generator = torch.Generator().manual_seed(seed)

    def draw(high: int) -> Tensor:
        """`most` different numbers below `high` for each scene, in random order."""
        return torch.rand(number, high, generator=generator).argsort(1)[:, :most]

    pair_table = torch.tensor([(SHAPES.index(shape), COLOURS.index(colour)) for shape, colour in allowed])
    shape, colour = pair_table[draw(len(allowed))].unbind(-1)
    size = torch.randint(len(SIZES), (number, most), generator=generator)
    cell = draw(grid**2)
    row, column = cell // grid, cell % grid
    half = torch.tensor(PIXELS[grid])[size] // 2
    edges = torch.tensor(cell_edges(grid))

    def near_middle(cell: Tensor) -> Tensor:
        """A centre at most `jitter` pixels off the middle of the cell, and such that the object lies inside it."""
        low, high = edges[cell] + half, edges[cell + 1] - half - 1
        middle = (edges[cell] + edges[cell + 1]) // 2
        low, high = torch.maximum(low, middle - jitter), torch.minimum(high, middle + jitter)
        return low + (torch.rand(cell.shape, generator=generator) * (high - low + 1)).long()

    count = torch.randint(least, most + 1, (number, 1), generator=generator)
    empty = torch.arange(most) >= count
    x, y = near_middle(column), near_middle(row)
    # Drawn last, and always, so that scenes of older checkpoints stay as they were.
    shares = torch.rand(3, number, most, generator=generator)
    depth = depths[0] + (shares[0] * (depths[1] - depths[0] + 1)).long()
    motion, sound = (
        torch.tensor([words.index(word) for word in chosen])[(share * len(chosen)).long()]
        for words, chosen, share in ((MOTIONS, motions, shares[1]), (SOUNDS, sounds, shares[2]))
    )
    values = (shape, colour, size, x, y, depth, motion, sound)
    return Scenes(*(value.masked_fill(empty, -1) for value in values), grid=grid)
