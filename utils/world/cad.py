"""CAD programs: a solid as the short text of commands that build it, and the small interpreter that runs them.

A program has a command a line, and a command an operation, a primitive, the centre of the primitive and its sizes:

    add cylinder 8 8 16 6.5 3
    cut cylinder 8 8 16 3.5 3

    add, cut, keep                   unite with what is there, take away from it, keep only what lies in both
    sphere x y z radius              a ball
    box x y z width height depth     each from the centre to a side
    cylinder x y z radius depth      a disc that faces the viewer; depth from the centre to either face
    star x y z radius depth          a plate with five points, one of them up
    cone x y z radius height         upright, apex at the top; height from the centre to apex and base

Lengths are pixels in halves, from 0 to 32; x grows to the right, y downwards and z away from the viewer. Constructive
solid geometry: Requicha 1980, "Representations for rigid solids", section 4.5. Programs as words for a language model:
Wu et al. 2021, "DeepCAD"; Wang et al. 2024, "CAD-GPT".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from utils.world.pictures import signed_distance
from utils.world.scenes import PICTURE_SIZE, PIXELS, SIZES, Scene, Thing
from utils.world.solids import CUBE, PLATE
from utils.world.tokenizer import END, PAD, SPECIAL, START

OPERATIONS = ("add", "cut", "keep")
PRIMITIVES = {  # the names of each one's sizes
    "sphere": ("radius",),
    "box": ("width", "height", "depth"),
    "cylinder": ("radius", "depth"),
    "star": ("radius", "depth"),
    "cone": ("radius", "height"),
}
LINE_END = ";"
_NUMBERS = tuple(f"{half / 2:g}" for half in range(2 * PICTURE_SIZE + 1))
# The words of programs, a vocabulary of its own beside that of sentences; the special tokens are the same.
CAD_VOCABULARY = (*SPECIAL, LINE_END, *OPERATIONS, *PRIMITIVES, *_NUMBERS)
CAD_LENGTH = 48  # tokens; two rings or crosses, the longest scenes of two objects, take at most 40
_IDS = {word: i for i, word in enumerate(CAD_VOCABULARY)}


class ProgramError(ValueError):
    """A line of a CAD program cannot be run; the message says which, and why."""


@dataclass(frozen=True)
class Command:
    """One line of a program: what is done, with which primitive, where and how large; lengths in pixels."""

    operation: str
    primitive: str
    centre: tuple[float, float, float]
    sizes: tuple[float, ...]

    def __str__(self) -> str:
        return " ".join([self.operation, self.primitive, *(f"{n:g}" for n in (*self.centre, *self.sizes))])


def parse(program: str) -> list[Command]:
    """Return the commands of a program; empty lines are passed over.

    Raises `ProgramError`, which names the line, for a word or a number of numbers that the language does not have, for
    a length that is no half pixel from 0 to 32 or a size of 0, and for a program that does not begin with `add`.
    """
    commands = []
    for number, line in enumerate(program.splitlines(), start=1):
        words = line.split()
        if words:
            try:
                commands.append(_parse_line(words))
            except ProgramError as error:
                raise ProgramError(f"line {number}, {line.strip()!r}: {error}") from None
            if commands[0].operation != "add":
                raise ProgramError(f"line {number}, {line.strip()!r}: there is nothing yet to {words[0]}; add first")
    if not commands:
        raise ProgramError("the program has no command; begin with a line such as 'add sphere 8 8 16 6.5'")
    return commands


def _parse_line(words: Sequence[str]) -> Command:
    operation, primitive, *numbers = (*words, "") if len(words) == 1 else words
    if operation not in OPERATIONS:
        raise ProgramError(f"a command begins with {', '.join(OPERATIONS)}, not {operation!r}")
    if primitive not in PRIMITIVES:
        raise ProgramError(f"there is no primitive {primitive!r}; choose from {', '.join(PRIMITIVES)}")
    names = ("x", "y", "z", *PRIMITIVES[primitive])
    if len(numbers) != len(names):
        raise ProgramError(f"a {primitive} takes {len(names)} numbers, {' '.join(names)}, and {len(numbers)} are given")
    for name, word in zip(names, numbers, strict=True):
        if word not in _IDS or word not in _NUMBERS:
            raise ProgramError(f"{name} must be a number of pixels from 0 to {PICTURE_SIZE} in halves, not {word!r}")
    values = tuple(float(word) for word in numbers)
    if not all(values[3:]):
        raise ProgramError("a size must be more than 0")
    return Command(operation, primitive, values[:3], values[3:])


def run(program: str) -> Bool[Tensor, "depth height width"]:
    """Return the solid that a program builds: which of the room's 32 x 32 x 32 cubic pixels it fills.

    What reaches out of the room is cut off. Raises `ProgramError` as `parse` does.
    """
    solid = torch.zeros(PICTURE_SIZE, PICTURE_SIZE, PICTURE_SIZE, dtype=torch.bool)
    for command in parse(program):
        filled = _fill(command)
        match command.operation:
            case "add":
                solid = solid | filled
            case "cut":
                solid = solid & ~filled
            case "keep":
                solid = solid & filled
    return solid


def _fill(command: Command) -> Bool[Tensor, "depth height width"]:
    axis = torch.arange(PICTURE_SIZE, dtype=torch.float32)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    x, y, z = (values - middle for values, middle in zip((x, y, z), command.centre, strict=True))
    match command.primitive, command.sizes:
        case "sphere", (radius,):
            return x**2 + y**2 + z**2 <= radius**2
        case "box", (width, height, depth):
            return (x.abs() <= width) & (y.abs() <= height) & (z.abs() <= depth)
        case "cylinder", (radius, depth):
            return (x**2 + y**2 <= radius**2) & (z.abs() <= depth)
        case "star", (radius, depth):
            return (signed_distance("star", x / radius, y / radius) <= 0) & (z.abs() <= depth)
        case "cone", (radius, height):
            return (y.abs() <= height) & (torch.hypot(x, z) <= radius * (y + height) / (2 * height))
    raise ProgramError(f"no solid for {command}")


def iou(one: Bool[Tensor, "*shape"], other: Bool[Tensor, "*shape"]) -> float:
    """Return how much of what either solid fills both fill, 0 to 1 (intersection over union); two empty ones give 1.

    Outlines in the plane are compared in the same way.
    """
    union = (one | other).sum().item()
    return (one & other).sum().item() / union if union else 1.0


def write_program(scene: Scene) -> str:
    """Return a program that builds the solids of a scene, object after object; an empty scene has an empty program.

    Lengths are rounded down to half pixels. A ring is a disc from which a smaller one is cut.
    """
    commands = []
    # A ring's hole is cut before anything else is added, which may stand in it.
    for thing in sorted(scene.things, key=lambda thing: thing.shape != "ring"):
        commands += _build(thing, dict(zip(SIZES, PIXELS[scene.grid], strict=True))[thing.size] / 2)
    return "\n".join(map(str, commands))


def _build(thing: Thing, half: float) -> list[Command]:
    centre = (float(thing.x), float(thing.y), float(thing.depth))

    def command(operation: str, primitive: str, *sizes: float) -> Command:
        return Command(operation, primitive, centre, tuple(math.floor(2 * half * size) / 2 for size in sizes))

    match thing.shape:
        case "circle":
            return [command("add", "sphere", 1)]
        case "square":
            return [command("add", "box", CUBE, CUBE, CUBE)]
        case "triangle":
            return [command("add", "cone", 0.52 * 1.9, 0.9)]
        case "cross":
            return [command("add", "box", 1, 0.28, PLATE), command("add", "box", 0.28, 1, PLATE)]
        case "ring":
            return [command("add", "cylinder", 1, PLATE), command("cut", "cylinder", 0.52, PLATE)]
        case "star":
            return [command("add", "star", 1, PLATE)]
    raise ValueError(f"no program for the shape {thing.shape!r}")


def render_programs(scenes: Iterable[Scene]) -> list[str]:
    """Return the program of each scene."""
    return [write_program(scene) for scene in scenes]


def encode_program(program: str) -> list[int]:
    """Return the token ids of a program in `CAD_VOCABULARY`: <start>, its words with `;` after each line, <end>.

    Raises `ProgramError` for a word that no program has.
    """
    words = [word for line in program.splitlines() if line.strip() for word in (*line.split(), LINE_END)]
    unknown = [word for word in words if word not in _IDS]
    if unknown:
        raise ProgramError(f"{unknown[0]!r} is no word of a CAD program")
    return [START, *(_IDS[word] for word in words), END]


def tokenize_programs(programs: Iterable[str], length: int = CAD_LENGTH) -> Int[Tensor, "programs length"]:
    """Return the token ids of each program, padded with <pad> to `length`.

    Raises `ProgramError` as `encode_program` does, and `ValueError` for a program of more than `length` tokens.
    """
    rows = [encode_program(program) for program in programs]
    longest = max(map(len, rows), default=0)
    if longest > length:
        raise ValueError(f"a program takes {longest} tokens, and at most {length} fit; give length={longest} or more")
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows], dtype=torch.long).view(-1, length)


def detokenize_program(ids: Iterable[int] | Tensor) -> str:
    """Return the text of a program's token ids up to <end>, be it a program that runs or not."""
    words = []
    for i in ids.tolist() if isinstance(ids, Tensor) else ids:
        if i == END:
            break
        if i not in (PAD, START):
            words.append("\n" if CAD_VOCABULARY[i] == LINE_END else CAD_VOCABULARY[i])
    return "\n".join(line.strip() for line in " ".join(words).split("\n")).strip()
