"""The way from noise to a picture, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_picture


class FlowPath(ScriptWidget):
    """For each caption and each guidance, the half-made pictures from noise to the end, and what each aims at.

    `paths[caption][guidance]` is a pair of uint8 pictures [steps + 1, 3, height, width]: where the path is at each
    time, and where a straight line from there would end. All have the same number of steps. Moving needs no Python.
    """

    title = "From noise to a picture"
    caption = (
        "Move the time from 0, pure noise, to 1. Watch the right-hand picture: when does the model know what it will "
        "draw? Then change the caption, and the guidance."
    )
    still_size = (6.6, 2.6)
    _esm = script("flow_path.js")
    _data = traitlets.Dict().tag(sync=True)

    def __init__(self, paths: Mapping[str, Mapping[str, tuple[Sequence[Any], Sequence[Any]]]], **kwargs):
        guidances = {tuple(by_guidance) for by_guidance in paths.values()}
        if len(guidances) != 1 or not next(iter(guidances)):
            raise ValueError("there must be at least one caption, and the same guidances for each, at least one")
        lengths = {len(part) for by in paths.values() for pair in by.values() for part in pair}
        if len(lengths) != 1 or min(lengths) < 2:
            raise ValueError(f"every path has the same number of pictures, at least two, not {sorted(lengths)}")
        self.paths = {name: dict(by) for name, by in paths.items()}
        (self.steps,) = (length - 1 for length in lengths)
        spec = {"captions": list(paths), "guidances": list(next(iter(guidances))), "steps": self.steps}
        super().__init__(spec=spec, **kwargs)
        self._data = {
            "paths": [
                [[[pack_picture(one, repr(name)) for one in part] for part in pair] for pair in by.values()]
                for name, by in paths.items()
            ]
        }

    def draw_still(self, figure) -> str:
        """Draw some moments of the first path, above what they aim at."""
        name, by_guidance = next(iter(self.paths.items()))
        guidance, (states, aims) = next(iter(by_guidance.items()))
        shown = sorted({round(i * self.steps / 5) for i in range(6)})
        grid = figure.subplots(2, len(shown), squeeze=False)
        for row, part in zip(grid, (states, aims), strict=True):
            for axes, step in zip(row, shown, strict=True):
                axes.imshow(as_picture(part[step]).transpose(1, 2, 0), interpolation="nearest")
                axes.axis("off")
        for axes, step in zip(grid[0], shown, strict=True):
            axes.set_title(f"time {step / self.steps:.2g}", fontsize=8)
        return f"half-made pictures of “{name}” from noise to the end, above what each aims at; guidance {guidance}"
