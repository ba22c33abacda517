"""How good CAD programs are: whether they run, and how much the solid that they build is the one that was wanted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.cad import ProgramError, iou, run
from utils.world.scenes import PICTURE_SIZE
from utils.world.views import front, outline


def build_solid(program: str) -> Tensor | None:
    """Return the solid that a program builds, as `utils.world.cad.run` does, or None if it does not run."""
    try:
        return run(program)
    except ProgramError:
        return None


def runs(programs: Sequence[str]) -> Float[Tensor, " programs"]:
    """Return 1 for each program that runs, else 0."""
    return torch.tensor([float(build_solid(program) is not None) for program in programs])


def solid_ious(programs: Sequence[str], wanted: Sequence[str]) -> Float[Tensor, " programs"]:
    """Return the IoU of the solid of each program with that of the program that was wanted; 0 if it does not run."""
    pairs = ((build_solid(program), run(true)) for program, true in zip(programs, wanted, strict=True))
    return torch.tensor([0.0 if solid is None else iou(solid, true) for solid, true in pairs])


def outline_iou(program: str, picture: Tensor) -> float:
    """Return the IoU of what a program's solid looks like from the front with what stands in the picture.

    It needs no true solid: this is the judge that a machine has by itself. A program that does not run gets 0.
    """
    solid = build_solid(program)
    return 0.0 if solid is None else iou(front(solid), outline(picture))


def best_by_outline(tries: Sequence[Sequence[str]], pictures: Tensor) -> list[str]:
    """Return for each picture the one of its programs whose outline fits best; `tries[i]` holds a try for each."""
    best = []
    for picture, *own in zip(pictures, *tries, strict=True):
        scores = [outline_iou(program, picture) for program in own]
        best.append(own[scores.index(max(scores))])
    return best


def usual_program(programs: Sequence[str]) -> str:
    """Return the program whose solid has the greatest mean IoU with those of all: the best answer without a picture."""
    solids = torch.stack([run(program) for program in programs]).view(-1, PICTURE_SIZE**3).float()
    both, filled = solids @ solids.T, solids.sum(1)
    return programs[int((both / (filled[:, None] + filled - both)).mean(0).argmax())]
