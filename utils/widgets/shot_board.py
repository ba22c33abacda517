"""Examples in a prompt that are taken out or named otherwise, and what a model then calls one more picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from utils.style import INK, MODALITY_COLOURS
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats, pack_picture


class ShotBoard(ScriptWidget):
    """Pictures with one of two words each, and the shares of both words for a picture that is asked.

    `shots` and `asked` are pictures, uint8 [3, height, width], by their names. Every shot is in one of three states:
    called by the first of `words`, by the second, or left out. `shares` [asked, 3 ** shots, 2] holds the probability of
    each word for each picture that is asked and all states of the shots, in the order in which
    `itertools.product(range(3), repeat=shots)` gives them. `start` is the state at first.
    """

    title = "What the examples say"
    caption = (
        "Press an example to call it by the other word, or to leave it out. Which examples does the answer hang on? "
        "Then call them all by the other word."
    )
    still_size = (6.4, 3.2)
    _esm = script("shot_board.js")

    def __init__(
        self,
        shots: dict[str, Any],
        asked: dict[str, Any],
        words: Sequence[str],
        shares: Any,
        *,
        start: Sequence[int],
        **kwargs,
    ):
        shares = np.asarray(shares, dtype=np.float32)
        expected = (len(asked), 3 ** len(shots), 2)
        if not 1 <= len(shots) <= 7 or not asked:
            raise ValueError(f"a board takes 1 to 7 shots and a picture to ask, not {len(shots)} and {len(asked)}")
        if len(words) != 2 or shares.shape != expected:
            raise ValueError(f"two words need shares {list(expected)}, not {list(shares.shape)} for {len(words)} words")
        if len(start) != len(shots) or not set(start) <= {0, 1, 2}:
            raise ValueError(f"start holds 0, 1 or 2 for each of {len(shots)} shots, not {list(start)}")
        self.shots = {name: as_picture(picture) for name, picture in shots.items()}
        self.asked = {name: as_picture(picture) for name, picture in asked.items()}
        self.words, self.shares, self.start = tuple(words), shares, tuple(start)
        spec = {
            "shots": [{"name": name, "picture": pack_picture(picture)} for name, picture in shots.items()],
            "asked": [{"name": name, "picture": pack_picture(picture)} for name, picture in asked.items()],
            "words": list(words),
            "start": list(start),
            "shares": pack_floats(shares),
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        index = int("".join(map(str, self.start)), 3)
        row = [*self.shots.values(), next(iter(self.asked.values()))]
        names = [(*self.words, "left out")[state] for state in self.start] + ["?"]
        top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2))
        for axes, picture, name in zip(top.subplots(1, len(row)), row, names, strict=True):
            axes.imshow(picture.transpose(1, 2, 0), interpolation="nearest")
            axes.set_title(name, fontsize=9, color=INK)
            axes.axis("off")
        axes = bottom.subplots()
        axes.barh(self.words, self.shares[0, index], color=MODALITY_COLOURS["text"])
        axes.set(xlim=(0, 1))
        axes.invert_yaxis()
        axes.set_xlabel("probability", fontsize=9)
        return f"{len(self.shots)} pictures, each called {self.words[0]} or {self.words[1]}, and a bar for each word"
