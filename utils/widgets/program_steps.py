"""A CAD program run line by line: the solid grows beside the picture, and can be turned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.style import INK, MODALITY_COLOURS, NEUTRAL
from utils.widgets.base import FigureWidget
from utils.widgets.controls import Select, Slider
from utils.widgets.packing import as_picture


@dataclass(frozen=True)
class Built:
    """A picture, a program that is to build what it shows and, where it is known, the one that does."""

    picture: Any
    program: str
    wanted: str = ""


class ProgramSteps(FigureWidget):
    """A picture, its program, and the solid after the first lines of it, from an angle that the learner chooses.

    `examples` maps a name to a `Built`. Below stands how well the outline of the solid fits the picture and, if the
    wanted program is known, how well the solid does. Raises `ProgramError` for a program that does not run.
    """

    title = "A solid, line by line"
    caption = "Run the lines one by one: what does each do? Then turn the solid: what did the picture not show?"
    size = (8.2, 2.9)

    def __init__(self, examples: Mapping[str, Built], **kwargs):
        if not examples:
            raise ValueError("give at least one example, such as {'a ring': Built(picture, program)}")
        from utils.world.cad import parse, run  # here, since it loads torch

        self.examples = {
            name: Built(as_picture(built.picture), built.program, built.wanted) for name, built in examples.items()
        }
        self.lines = {name: [str(command) for command in parse(one.program)] for name, one in self.examples.items()}
        self.wanted = {name: run(one.wanted) if one.wanted else None for name, one in self.examples.items()}
        self._most = max(map(len, self.lines.values()))
        first = len(self.lines[next(iter(self.lines))])
        controls = [
            Select("example", "Example", list(self.examples)),
            Slider("lines", "Lines run", 0, self._most, value=first),
            Slider("turn", "Turn", -180, 180, value=35, step=5, unit="degrees"),
            Slider("tip", "Tip", -90, 90, value=25, step=5, unit="degrees"),
        ]
        super().__init__(controls=controls, **kwargs)

    def draw(self) -> list:
        """Three panels: the picture, the lines of the program, the solid."""
        left, middle, right = self.figure.subplots(1, 3, width_ratios=(1, 1.35, 1))
        left.set_title("picture", fontsize=10, color=MODALITY_COLOURS["image"])
        middle.set_title("program", fontsize=10, color=MODALITY_COLOURS["structured"])
        right.set_title("solid", fontsize=10, color=INK)
        for axes in (left, middle, right):
            axes.axis("off")
        blank = np.full((2, 2, 3), 240, dtype=np.uint8)
        self.shown = left.imshow(blank, extent=(0, 1, 0, 1), interpolation="nearest")
        self.seen = right.imshow(blank, extent=(0, 1, 0, 1), interpolation="bilinear")
        height = min(0.16, 1 / self._most)
        self.texts = [
            middle.text(0, 0.98 - i * height, "", va="top", fontsize=9, family="monospace", transform=middle.transAxes)
            for i in range(self._most)
        ]
        return [self.shown, self.seen, *self.texts]

    def update(self, example: str, lines: int, turn: float, tip: float) -> tuple[str, str]:
        """Run the first lines of the program, and show what stands there."""
        import torch

        from utils.world.cad import iou, run
        from utils.world.views import front, outline, render_view

        built, own = self.examples[example], self.lines[example]
        lines = min(lines, len(own))
        solid = run("\n".join(own[:lines])) if lines else torch.zeros(32, 32, 32, dtype=torch.bool)
        self.shown.set_data(built.picture.transpose(1, 2, 0))
        self.seen.set_data(render_view(solid, turn, tip).permute(1, 2, 0).numpy())
        for i, text in enumerate(self.texts):
            line = own[i] if i < len(own) else ""
            text.set_text(f"{'▸' if i == lines - 1 else ' '} {line}" if line else "")
            text.set_color(INK if i < lines else NEUTRAL)
            text.set_weight("bold" if i == lines - 1 else "normal")
        fits = f"outline and picture: IoU {iou(front(solid), outline(torch.as_tensor(built.picture))):.2f}"
        if self.wanted[example] is not None:
            fits += f"; solid and true solid: IoU {iou(solid, self.wanted[example]):.2f}"
        done = f"{lines} of {len(own)} lines run, {int(solid.sum()):,} voxels filled"
        alt = f"{example}: the picture, its program with {lines} of {len(own)} lines run, and the solid that they build"
        return alt, f"{done}; {fits}."

    def still(self) -> tuple[bytes, str]:
        """Return the figure as it stands; its text is the same for any program, since a model may have written it."""
        return self._shown["png"], "a picture, its program line by line, and the solid that those lines build"
