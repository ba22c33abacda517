"""Similarities, a temperature, and what softmax and InfoNCE make of them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from utils.style import COLOUR_MAP
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_picture


class TemperatureMatrix(ScriptWidget):
    """An n x n matrix of similarities under a temperature.

    `similarities` is [n, n], a row for each picture and a column for each caption, pairs on the diagonal, n from 2 to
    12. Each cell shows the softmax over its row of similarity / temperature, and the similarity in small print; the
    loss is the mean of both directions. `pictures`, n of uint8 [3, height, width], replace the names of the rows.
    """

    title = "Temperature"
    caption = (
        "Make the temperature small, then large: which errors does the loss punish? Then select a cell and change its "
        "similarity (drag it up or down, or use its slider)."
    )
    still_size = (6.4, 3.4)
    _esm = script("temperature_matrix.js")

    def __init__(
        self,
        similarities: Any,
        rows: Sequence[str],
        columns: Sequence[str],
        *,
        temperature: float = 0.1,
        low: float = 0.01,
        high: float = 10.0,
        pictures: Sequence[Any] | None = None,
        **kwargs,
    ):
        matrix = np.asarray(similarities, dtype=np.float64)
        size = len(matrix) if matrix.ndim == 2 else 0
        if matrix.shape != (size, size) or not 2 <= size <= 12:
            raise ValueError(f"similarities are [n, n] with n from 2 to 12, not {list(matrix.shape)}")
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1 + 1e-4:
            raise ValueError("similarities are cosines, from -1 to 1")
        if len(rows) != size or len(columns) != size:
            raise ValueError(f"{size} rows and columns need as many names, not {len(rows)} and {len(columns)}")
        if pictures is not None and len(pictures) != size:
            raise ValueError(f"{size} rows need {size} pictures, not {len(pictures)}")
        if not 0 < low <= temperature <= high:
            raise ValueError(f"temperature {temperature} is not between {low} and {high}")
        self.similarities, self.rows, self.columns = matrix, tuple(rows), tuple(columns)
        self.temperature = temperature
        spec = {
            "similarities": matrix.tolist(),
            "rows": list(rows),
            "columns": list(columns),
            "pictures": [pack_picture(picture) for picture in pictures or ()],
            "temperature": temperature,
            "low": low,
            "high": high,
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        logits = self.similarities / self.temperature
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        loss = (_cross_entropy(logits) + _cross_entropy(logits.T)) / 2
        axes = figure.subplots()
        axes.imshow(shares, cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto")
        for (y, x), share in np.ndenumerate(shares):
            ink = "black" if share > 0.5 else "white"
            axes.text(x, y, f"{share:.2f}", ha="center", va="center", fontsize=9, color=ink)
        axes.set_xticks(range(len(self.columns)), [textwrap.fill(name, 16) for name in self.columns], fontsize=8)
        axes.set_yticks(range(len(self.rows)), [textwrap.fill(name, 18) for name in self.rows], fontsize=8)
        axes.set_title(
            f"softmax of each row at temperature {self.temperature:g}: loss {loss:.3f}", loc="left", fontsize=10
        )
        return (
            f"a {len(shares)} x {len(shares)} heat map of the softmax of each row at temperature {self.temperature:g}; "
            f"the loss is {loss:.3f}"
        )


def _cross_entropy(logits: np.ndarray) -> float:
    highest = logits.max(axis=1)
    log_sum = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return float((log_sum - logits.diagonal()).mean())
