"""One scene, as every modality holds it: a tab for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import traitlets

from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats, pack_picture, pack_table


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
    still_size = (7.0, 2.8)
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

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        for axes, panel in zip(figure.subplots(1, len(self.panels), squeeze=False)[0], self.panels, strict=True):
            axes.set_title(panel.title, fontsize=9)
            axes.axis("off")
            _DRAW[panel.kind](axes, panel)
        return "the same scene as " + ", ".join(panel.title.lower() for panel in self.panels)


def _draw_picture(axes, panel: Panel) -> None:
    axes.imshow(as_picture(panel.data).transpose(1, 2, 0), interpolation="nearest")


def _draw_array(axes, panel: Panel) -> None:
    array = np.asarray(panel.data)
    height, width = array.shape[-2:]
    rows, columns = slice(height // 2 - 2, height // 2 + 3), slice(width // 2 - 2, width // 2 + 3)
    part = array[..., rows, columns] if array.ndim == 2 else array[0, rows, columns]
    axes.imshow(part, cmap="cividis")
    middle = (float(part.min()) + float(part.max())) / 2
    for (y, x), value in np.ndenumerate(part):
        axes.text(
            x, y, f"{value:.3g}", ha="center", va="center", fontsize=7, color="black" if value > middle else "white"
        )


def _draw_tokens(axes, panel: Panel) -> None:
    lines = "\n".join(f"{number:>5}  {token}" for token, number in panel.data)
    axes.text(0, 1, lines, va="top", fontsize=8, family="monospace", transform=axes.transAxes)


def _draw_table(axes, panel: Panel) -> None:
    lines = "\n".join("  ".join(row) for row in pack_table(panel.data)["rows"])
    axes.text(0, 1, lines, va="top", fontsize=7, family="monospace", transform=axes.transAxes)


_DRAW = {"picture": _draw_picture, "array": _draw_array, "tokens": _draw_tokens, "table": _draw_table}
