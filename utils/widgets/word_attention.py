"""Who looks at whom: the attention of a text encoder, word by word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from utils.style import COLOUR_MAP
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_floats


class WordAttention(ScriptWidget):
    """A line of words; the one under the pointer shows by colour how much it takes from each of the others.

    `maps` holds, by name, a matrix [n, n] for each head: row i is what word i takes from each word, and sums to 1. It
    begins at the word number `chosen`, and at the first of the maps.
    """

    title = "Who looks at whom"
    caption = (
        "Point at a word, or walk with the arrow keys: colours and numbers say how much it takes from each word. Then "
        "choose another head."
    )
    still_size = (7.0, 2.2)
    _esm = script("word_attention.js")

    def __init__(self, words: Sequence[str], maps: Mapping[str, Any], *, chosen: int = 0, **kwargs):
        self.words = tuple(words)
        count = len(self.words)
        if not 2 <= count <= 64:
            raise ValueError(f"it shows from 2 to 64 words, not {count}")
        if not maps:
            raise ValueError("give at least one map")
        if not 0 <= chosen < count:
            raise ValueError(f"the words are numbered from 0 to {count - 1}; there is no word {chosen}")
        self.maps = {name: np.asarray(values, dtype=np.float64) for name, values in maps.items()}
        for name, values in self.maps.items():
            if values.shape != (count, count):
                raise ValueError(f"map {name!r} of {count} words is [{count}, {count}], not {list(values.shape)}")
            if not (values >= 0).all() or np.abs(values.sum(axis=1) - 1).max() > 1e-3:
                raise ValueError(f"each row of map {name!r} must be shares that sum to 1: take the softmax first")
        self.chosen = chosen
        spec = {
            "words": list(self.words),
            "names": list(self.maps),
            "numbers": pack_floats(np.stack(list(self.maps.values()))),
            "chosen": chosen,
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        name, values = next(iter(self.maps.items()))
        row = values[self.chosen]
        axes = figure.subplots()
        axes.imshow(row[None], cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto")
        for column, share in enumerate(row):
            ink = "black" if share > 0.5 else "white"
            axes.text(column, 0, f"{share:.2f}", ha="center", va="center", fontsize=8, color=ink)
        axes.set_xticks(range(len(self.words)), self.words, fontsize=8, rotation=45, ha="right")
        axes.set_yticks([])
        axes.set_title(f"{name}: where “{self.words[self.chosen]}” looks", loc="left", fontsize=10)
        return f"the words {' '.join(self.words)}, shaded by how much {self.words[self.chosen]} looks at each, {name}"
