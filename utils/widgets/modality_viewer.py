"""One scene, as every modality holds it: a tab for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import traitlets

from utils.style import COLOUR_MAP
from utils.widgets.base import ScriptWidget, script, write
from utils.widgets.packing import as_picture, pack_floats, pack_picture, pack_table, table_lines


@dataclass(frozen=True)
class Panel:
    """One tab. `kind` says what `data` is:

    "picture"  uint8 [3, height, width], shown enlarged; `alt` says what it shows
    "array"    a picture as numbers: uint8 or float, [3, height, width] or [height, width], under a movable lens
    "tokens"   a list of (token, id)
    "table"    a record (dict) or a list of records

    `note` is a line below it, such as how many numbers and bytes it takes. A new modality that one of these can show
    needs only a new panel.
    """

    title: str
    kind: str
    data: Any
    note: str = ""
    alt: str = ""

    KINDS: ClassVar[tuple[str, ...]] = ("picture", "array", "tokens", "table")

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
        if self.kind == "picture":
            return packed | pack_picture(self.data, what)
        if self.kind == "array":
            return packed | self._pack_array(what)
        if self.kind == "tokens":
            return packed | {"tokens": [[str(token), int(number)] for token, number in self.data]}
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
        return 2.0 * len(self.panels), 3.0

    def draw_still(self, figure) -> str:
        """Draw the panels side by side."""
        for axes, panel in zip(figure.subplots(1, len(self.panels), squeeze=False)[0], self.panels, strict=True):
            axes.set_title(panel.title, loc="left", fontsize=9)
            axes.set_anchor("NW")
            axes.axis("off")
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


_DRAW = {"picture": _draw_picture, "array": _draw_array, "tokens": _draw_tokens, "table": _draw_table}
