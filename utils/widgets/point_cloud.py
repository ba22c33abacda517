"""Point clouds that turn under the hand, some of their points marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from utils.style import MODALITY_COLOURS
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_floats

MOST = 4096  # points of one cloud, which a browser turns without effort


class PointCloud(ScriptWidget):
    """Clouds by name, each a pair: points [n, 3] from about -1 to 1, x right, y down, z away; and which are marked [n].

    `word` says what the marked points are, such as "critical"; `notes` holds a line of text for some of the clouds.
    """

    title = "Point cloud"
    caption = "Turn the cloud by dragging it; then hide all but the critical points. Can you still tell what it is?"
    still_size = (6.4, 2.6)
    _esm = script("point_cloud.js")
    _data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        clouds: Mapping[str, tuple[Any, Any]],
        *,
        word: str = "critical",
        notes: Mapping[str, str] | None = None,
        **kwargs,
    ):
        if not clouds:
            raise ValueError("there must be at least one cloud")
        self.clouds, self.word, notes = {}, word, dict(notes or {})
        for name, (points, marked) in clouds.items():
            points, marked = np.asarray(points, dtype=np.float32), np.asarray(marked)
            if points.ndim != 2 or points.shape[1] != 3 or not 1 <= len(points) <= MOST:
                raise ValueError(f"a cloud is [n, 3] with 1 to {MOST} points; {name!r} is {list(points.shape)}")
            if marked.shape != (len(points),) or marked.dtype != bool:
                raise ValueError(
                    f"marked says yes or no of each of the {len(points)} points of {name!r}; it is {marked.dtype} of "
                    f"{list(marked.shape)}"
                )
            self.clouds[name] = points, marked
        unknown = sorted(set(notes) - set(self.clouds))
        if unknown:
            raise ValueError(f"there is no cloud called {', '.join(unknown)} to note something of")
        super().__init__(spec={"word": word}, **kwargs)
        self._data = {
            "clouds": [
                {
                    "name": name,
                    "points": pack_floats(points),
                    "marked": marked.astype(np.uint8).tobytes(),
                    "note": notes.get(name, ""),
                }
                for name, (points, marked) in self.clouds.items()
            ]
        }

    def draw_still(self, figure) -> str:
        """Draw up to four clouds, turned as at first."""
        shown = list(self.clouds.items())[:4]
        turn, tip = np.radians([30, -20])
        for axes, (name, (points, marked)) in zip(figure.subplots(1, 4).flat, shown, strict=False):
            x, y, z = points.T
            across, away = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
            down = y * np.cos(tip) - away * np.sin(tip)
            axes.scatter(across[~marked], -down[~marked], s=5, color=MODALITY_COLOURS["3d"])
            axes.scatter(
                across[marked],
                -down[marked],
                s=11,
                marker="D",
                color=MODALITY_COLOURS["image"],
                edgecolors="black",
                linewidths=0.3,
            )
            axes.set_title(name, fontsize=9)
        for axes in figure.axes:
            axes.set_aspect("equal")
            axes.axis("off")
        return f"the clouds {', '.join(name for name, _ in shown)}, their {self.word} points marked as diamonds"
