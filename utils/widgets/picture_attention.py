"""Where each word of a question looks in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.style import INK
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_picture


@dataclass(frozen=True)
class Look:
    """A picture, the words that are read, and where each of them looks.

    `maps` is [layers, words, patches]: shares that sum to 1 over the patches, which are the cells of a square grid in
    reading order. `answer` is what is said in the end.
    """

    picture: Any
    words: Sequence[str]
    maps: Any
    answer: str

    def __post_init__(self):
        as_picture(self.picture, "the picture of a look")
        maps = np.asarray(self.maps, dtype=np.float64)
        side = math.isqrt(maps.shape[2]) if maps.ndim == 3 else 0
        if maps.ndim != 3 or not maps.shape[0] or maps.shape[1] != len(self.words) or side**2 != maps.shape[2]:
            raise ValueError(
                f"maps are [layers, {len(self.words)} words, patches of a square grid], not {list(maps.shape)}"
            )
        if maps.size == 0 or not np.isfinite(maps).all() or maps.min() < 0 or np.abs(maps.sum(-1) - 1).max() > 1e-3:
            raise ValueError("maps hold shares from 0 to 1 that sum to 1 over the patches")

    @property
    def question(self) -> str:
        """The words that are words, in one line."""
        return " ".join(word for word in self.words if not word.startswith("<"))


class PictureAttention(ScriptWidget):
    """Pictures under a veil that is thin where the chosen word looks.

    `looks` are the questions to choose from, all with as many layers. The widget starts at the last word of the first
    look, in the last layer.
    """

    title = "Where each word looks"
    caption = (
        "Move over the words, or use the slider and the arrow keys: where does each one look? Then change the question "
        "and the layer."
    )
    still_size = (6.4, 2.4)
    _esm = script("picture_attention.js")

    def __init__(self, looks: Sequence[Look], **kwargs):
        looks = list(looks)
        if not looks:
            raise ValueError("picture attention needs at least one look")
        layers = {len(look.maps) for look in looks}
        if len(layers) > 1:
            raise ValueError(f"all looks need as many layers, and have {', '.join(map(str, sorted(layers)))}")
        self.looks = looks
        spec = {
            "looks": [
                {
                    "picture": pack_picture(look.picture),
                    "question": f"{i + 1}. {look.question}",
                    "words": list(look.words),
                    "maps": np.asarray(look.maps, dtype=np.float64).round(4).tolist(),
                    "answer": look.answer,
                }
                for i, look in enumerate(looks)
            ]
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the first question: its picture under the veil of each of up to four of its last words."""
        look = self.looks[0]
        first = max(0, len(look.words) - 4)
        words = look.words[first:]
        picture = as_picture(look.picture).transpose(1, 2, 0) / 255
        for i, axes in enumerate(figure.subplots(1, len(words), squeeze=False).flat):
            shares = np.asarray(look.maps, dtype=np.float64)[-1, first + i]
            side = math.isqrt(len(shares))
            light = shares.reshape(side, side) / shares.max()
            veil = np.kron(light, np.ones((picture.shape[0] // side, picture.shape[1] // side)))[..., None]
            axes.imshow(picture * (0.2 + 0.8 * veil), interpolation="nearest")
            axes.set_title(words[i], fontsize=9, color=INK)
            axes.axis("off")
        return (
            f"the picture of the question {look.question!r}, darkened but for where each of the words "
            f"{', '.join(words)} looks; the answer is {look.answer}"
        )
