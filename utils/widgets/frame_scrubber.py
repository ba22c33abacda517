"""A video frame by frame: what one frame tells, and what only all of them tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_picture

REPEATED = "the frame shown, repeated"


class FrameScrubber(ScriptWidget):
    """Videos by name, each with the name of what happens in it, and what two models make of them.

    `videos` maps a name to (uint8 [frames, 3, height, width], answer), all of one length. `alone(frames)` takes frames
    [n, 3, height, width] and `together(videos)` videos [n, frames, 3, height, width]; both return shares [n, classes].
    `orders` maps names to the order in which frames are shown, such as "reversed" to [7, 6, 5, 4, 3, 2, 1, 0]; one in
    which the frame shown is repeated is added to them. Everything is worked out at once, so moving needs no Python.
    """

    title = "Frame by frame"
    caption = (
        "Move through the frames: does one of them give the action away? Then change the order of the frames and watch "
        "what the model that sees them all makes of it."
    )
    still_size = (6.6, 2.4)
    _esm = script("frame_scrubber.js")
    _data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        videos: Mapping[str, tuple[Any, str]],
        classes: Sequence[str],
        *,
        alone: Callable[[Any], Any],
        together: Callable[[Any], Any],
        orders: Mapping[str, Sequence[int]],
        **kwargs,
    ):
        if not videos or not orders:
            raise ValueError("there must be at least one video and one order of its frames")
        shapes = {np.shape(frames) for frames, _ in videos.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 4:
            raise ValueError(f"videos are [frames, 3, height, width], all alike, not {sorted(map(list, shapes))}")
        number = next(iter(shapes))[0]
        for name, order in orders.items():
            if len(order) != number or not all(0 <= place < number for place in order):
                raise ValueError(f"an order is {number} frames of 0 to {number - 1}; {name!r} is {list(order)}")
        unknown = sorted({answer for _, answer in videos.values()} - set(classes))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is none of the classes {', '.join(classes)}")
        self.videos, self.classes = dict(videos), tuple(classes)
        packed = []
        for name, (frames, answer) in videos.items():
            repeated = together(np.stack([np.stack([one] * number) for one in np.asarray(frames)]))
            ordered = together(np.stack([np.asarray(frames)[list(order)] for order in orders.values()]))
            packed.append(
                {
                    "name": name,
                    "answer": answer,
                    "frames": [pack_picture(as_picture(one, f"a frame of {name!r}")) for one in np.asarray(frames)],
                    "alone": self._shares(alone(np.asarray(frames)), number),
                    "repeated": self._shares(repeated, number),
                    "ordered": dict(zip(orders, self._shares(ordered, len(orders)), strict=True)),
                }
            )
        spec_orders = {**{name: list(order) for name, order in orders.items()}, REPEATED: None}
        super().__init__(spec={"classes": list(classes), "orders": spec_orders}, **kwargs)
        self._data = {"videos": packed}

    def _shares(self, values: Any, rows: int) -> list[list[float]]:
        shares = np.asarray(values, dtype=np.float64)
        if shares.shape != (rows, len(self.classes)) or not np.isfinite(shares).all():
            raise ValueError(
                f"the models return finite shares, [{rows}, {len(self.classes)}], not {list(shares.shape)}"
            )
        return shares.round(4).tolist()

    def draw_still(self, figure) -> str:
        """Draw the frames of the first two videos in a row each."""
        shown = list(self.videos.items())[:2]
        number = len(shown[0][1][0])
        for row, (name, (frames, answer)) in zip(
            figure.subplots(len(shown), number, squeeze=False), shown, strict=True
        ):
            for place, (axes, one) in enumerate(zip(row, np.asarray(frames), strict=True)):
                axes.imshow(one.transpose(1, 2, 0), interpolation="nearest")
                axes.axis("off")
                if not place:
                    axes.set_title(f"{name}: {answer}", loc="left", fontsize=8)
        return "the frames, side by side, of " + " and of ".join(f"a thing that {a}" for _, (_, a) in shown)
