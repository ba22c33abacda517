"""One scene, as every modality holds it: a tab for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import traitlets

from utils.style import COLOUR_MAP, MODALITY_COLOURS
from utils.widgets.base import ScriptWidget, script, write
from utils.widgets.packing import (
    as_picture,
    pack_floats,
    pack_picture,
    pack_sound,
    pack_table,
    pack_video,
    table_lines,
)


@dataclass(frozen=True)
class Panel:
    """One tab. `kind` says what `data` is:

    "picture"  uint8 [3, height, width], shown enlarged; `alt` says what it shows
    "array"    a picture as numbers: uint8 or float, [3, height, width] or [height, width], under a movable lens
    "tokens"   a list of (token, id)
    "table"    a record (dict) or a list of records
    "text"     a string, shown as it is, line by line
    "sound"    a waveform of -1 to 1, [samples] or [2, samples], with `rate` samples a second, drawn and played
    "video"    uint8 [frames, 3, height, width], with `rate` frames a second, played or gone through
    "points"   [points, 3], or [points, 6] with colours of 0 to 1, about within -1 to 1, to be turned

    `note` is a line below it, such as how many numbers and bytes it takes. `numbers`, a tensor or an array of any
    shape, is what a computer holds of it: it is shown below the view under a lens that moves. A new modality that one
    of these can show needs only a new panel.
    """

    title: str
    kind: str
    data: Any
    note: str = ""
    alt: str = ""
    rate: float = 0
    numbers: Any = None

    KINDS: ClassVar[tuple[str, ...]] = ("picture", "array", "tokens", "table", "text", "sound", "video", "points")

    def __post_init__(self):
        if self.kind not in self.KINDS:
            raise ValueError(f"a panel is of kind {', '.join(self.KINDS)}; {self.kind!r} is none of them")
        if not self.title.strip():
            raise ValueError("a panel needs a title: it is what the tab says")
        self.pack()

    def pack(self) -> dict[str, Any]:
        """Return the panel as it travels to the browser; ValueError says what is wrong with `data`."""
        what = f"the data of panel {self.title!r}"
        packed = {"title": self.title, "kind": self.kind, "note": self.note, "alt": self.alt or self.title}
        if self.numbers is not None:
            packed["numbers"] = _pack_numbers(self.numbers, f"the numbers of panel {self.title!r}")
        match self.kind:
            case "picture":
                return packed | pack_picture(self.data, what)
            case "array":
                return packed | self._pack_array(what)
            case "tokens":
                return packed | {"tokens": [[str(token), int(number)] for token, number in self.data]}
            case "text":
                return packed | {"text": str(self.data)}
            case "sound":
                return packed | pack_sound(self.data, self.rate, what)
            case "video":
                return packed | pack_video(self.data, self.rate, what)
            case "points":
                return packed | _pack_points(self.data, what)
        return packed | pack_table(self.data)

    def _pack_array(self, what: str) -> dict[str, Any]:
        array = np.asarray(self.data)
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[0] != 3) or 0 in array.shape:
            raise ValueError(f"{what} has shape [3, height, width] or [height, width], not {list(array.shape)}")
        if array.ndim == 2:
            array = array[None]
        is_whole = np.issubdtype(array.dtype, np.integer)
        low, high = (0, 255) if array.dtype == np.uint8 else (float(array.min()), float(array.max()))
        return {
            "shape": list(array.shape),
            "numbers": pack_floats(array),
            "whole": bool(is_whole),
            "low": low,
            "high": high if high > low else low + 1,
        }


def _pack_numbers(numbers: Any, what: str) -> dict[str, Any]:
    array = np.atleast_1d(np.asarray(numbers))
    if not array.size:
        raise ValueError(f"{what} are none: their shape is {list(array.shape)}")
    whole = not np.issubdtype(array.dtype, np.floating)
    return {"shape": list(array.shape), "bytes": pack_floats(array), "whole": bool(whole)}


def _pack_points(points: Any, what: str) -> dict[str, Any]:
    array = np.asarray(points)
    if array.ndim != 2 or array.shape[1] not in (3, 6) or not len(array):
        raise ValueError(f"{what} has shape [points, 3] or [points, 6], not {list(array.shape)}")
    return {"points": pack_floats(array), "shape": list(array.shape)}


class ModalityViewer(ScriptWidget):
    """Tabs, one for each modality of one scene; `show(panels)` changes the scene and keeps the open tab."""

    title = "One scene, every modality"
    caption = "Open each tab: it is the same scene. In the numbers, move the lens with the mouse or the arrow keys."
    _esm = script("modality_viewer.js")
    _panels = traitlets.List().tag(sync=True)

    def __init__(self, panels: Sequence[Panel], **kwargs):
        super().__init__(**kwargs)
        self.show(panels)

    def show(self, panels: Sequence[Panel]) -> None:
        """Show these panels instead."""
        panels = list(panels)
        if not panels:
            raise ValueError("a viewer needs at least one panel")
        self.panels = panels
        self._panels = [panel.pack() for panel in panels]

    @property
    def still_size(self) -> tuple[float, float]:
        """Inches: the same room for every panel."""
        rows, columns = self._grid
        return 2.0 * columns, 1.0 + 2.0 * rows

    @property
    def _grid(self) -> tuple[int, int]:
        columns = min(len(self.panels), 7)
        return math.ceil(len(self.panels) / columns), columns

    def draw_still(self, figure) -> str:
        """Draw the panels side by side, at most seven in a row."""
        every = figure.subplots(*self._grid, squeeze=False).flat
        for axes in every:
            axes.axis("off")
        for axes, panel in zip(figure.axes, self.panels, strict=False):
            axes.set_title(panel.title, loc="left", fontsize=9)
            axes.set_anchor("NW")
            _DRAW[panel.kind](axes, panel)
        return "the same scene as " + ", ".join(panel.title.lower() for panel in self.panels)


def _draw_picture(axes, panel: Panel) -> None:
    axes.imshow(as_picture(panel.data).transpose(1, 2, 0), interpolation="nearest")


def _draw_array(axes, panel: Panel) -> None:
    """Draw four by four numbers from the middle of the first channel."""
    array = np.atleast_3d(np.asarray(panel.data).T).T[0]
    height, width = array.shape
    part = array[max(0, height // 2 - 2) :, max(0, width // 2 - 2) :][:4, :4]
    axes.imshow(part, cmap=COLOUR_MAP, vmin=array.min(), vmax=array.max())
    middle = (float(array.min()) + float(array.max())) / 2
    for (y, x), value in np.ndenumerate(part):
        axes.text(
            x,
            y,
            f"{value:.2g}" if value % 1 else f"{value:g}",
            ha="center",
            va="center",
            fontsize=8,
            color="black" if value > middle else "white",
        )


def _draw_tokens(axes, panel: Panel) -> None:
    write(axes, "\n".join(f"{number:>5}  {token}" for token, number in panel.data), family="monospace", fontsize=8)


def _draw_table(axes, panel: Panel) -> None:
    write(axes, table_lines(panel.data).replace(", ", "\n"), width=24, fontsize=8)


def _draw_text(axes, panel: Panel) -> None:
    write(axes, panel.data, width=24, fontsize=8)


def _draw_sound(axes, panel: Panel) -> None:
    waveform = np.atleast_2d(np.asarray(panel.data))
    for i, channel in enumerate(waveform):
        loudest = max(1e-9, np.abs(waveform).max())
        axes.plot(channel / loudest - 2.2 * i, color=MODALITY_COLOURS["audio"], linewidth=0.5)


def _draw_video(axes, panel: Panel) -> None:
    """Draw its first, middle and last picture, one below the other."""
    frames = np.asarray(panel.data)
    chosen = frames[[0, len(frames) // 2, -1]]
    axes.imshow(np.concatenate(list(chosen.transpose(0, 2, 3, 1)), axis=0), interpolation="nearest")


def _draw_points(axes, panel: Panel) -> None:
    points = np.asarray(panel.data)
    colours = points[:, 3:] if points.shape[1] == 6 else MODALITY_COLOURS["3d"]
    axes.scatter(points[:, 0], points[:, 1], s=2, c=colours)
    axes.set_aspect("equal")
    axes.invert_yaxis()  # y grows downwards


_DRAW = {
    "picture": _draw_picture,
    "array": _draw_array,
    "tokens": _draw_tokens,
    "table": _draw_table,
    "text": _draw_text,
    "sound": _draw_sound,
    "video": _draw_video,
    "points": _draw_points,
}
