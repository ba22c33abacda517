"""A weight and its update, and how few ranks the update needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from utils.style import COLOUR_MAP, NEUTRAL
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_floats


class LowRank(ScriptWidget):
    """The update of a weight, kept to its first singular values.

    `weight` and `update` are [outputs, inputs], 2 to 128 of each. `scores` says how good the model is for each rank
    that the learner may choose, from 0, no update at all, to the full rank; `score` is what is scored, in words. At
    rank r, B holds the first r left singular vectors of the update times the roots of their singular values, and A the
    right ones.
    """

    title = "An update of low rank"
    caption = (
        "Move the rank from 0 upwards: how soon does B A look like the whole update, and how soon does the score stop "
        "growing?"
    )
    still_size = (7.2, 4.0)
    _esm = script("low_rank.js")

    def __init__(
        self, weight: Any, update: Any, scores: Mapping[int, float], *, score: str = "Accuracy", rank: int = 4, **kwargs
    ):
        self.weight, self.update = (np.asarray(matrix, dtype=np.float64) for matrix in (weight, update))
        shape = self.update.shape
        if self.weight.shape != shape or self.update.ndim != 2 or not all(2 <= side <= 128 for side in shape):
            raise ValueError(
                "weight and update are [outputs, inputs] alike, 2 to 128 of each, not "
                f"{list(self.weight.shape)} and {list(shape)}"
            )
        if not (np.isfinite(self.weight).all() and np.isfinite(self.update).all() and self.update.any()):
            raise ValueError("weight and update hold finite numbers, and the update is not all zero")
        ranks = list(scores)
        if not ranks or ranks != sorted(ranks) or ranks[0] < 0 or ranks[-1] != min(shape):
            raise ValueError(f"scores are by rank, in rising order up to the full {min(shape)}, not by {ranks}")
        if rank not in scores:
            raise ValueError(f"there is no score for rank {rank}; there is for {', '.join(map(str, scores))}")
        self.scores, self.score, self.rank = {int(r): float(value) for r, value in scores.items()}, score, rank
        left, self.singular_values, right = np.linalg.svd(self.update, full_matrices=False)
        root = np.sqrt(self.singular_values)
        self.b, self.a = left * root, root[:, None] * right
        spec = {
            "outputs": shape[0],
            "inputs": shape[1],
            "weight": pack_floats(self.weight),
            "update": pack_floats(self.update),
            "b": pack_floats(self.b),
            "a": pack_floats(self.a),
            "values": self.singular_values.tolist(),
            "ranks": list(self.scores),
            "scores": list(self.scores.values()),
            "score": score,
            "rank": rank,
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        r = self.rank
        grid = figure.add_gridspec(2, 3, height_ratios=(3, 2))
        most = np.abs(self.update).max()
        for column, (name, matrix, limit) in enumerate(
            (
                ("weight W", self.weight, np.abs(self.weight).max()),
                (f"B A, rank {r}", self.b[:, :r] @ self.a[:r], most),
                ("whole update", self.update, most),
            )
        ):
            axes = figure.add_subplot(grid[0, column])
            axes.imshow(matrix, cmap=COLOUR_MAP, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
            axes.set_title(name, loc="left", fontsize=10)
            axes.set(xticks=[], yticks=[])
        axes = figure.add_subplot(grid[1, :])
        kept = np.arange(len(self.singular_values)) < r
        colours = np.where(kept, "#0072B2", NEUTRAL)
        axes.bar(range(1, len(kept) + 1), self.singular_values, color=list(colours))
        axes.set_title(f"singular values of the update: the first {r} are kept", loc="left", fontsize=10)
        axes.set_xlabel("number of the singular value", fontsize=9)
        return (
            f"heat maps of a weight, of B A at rank {r} and of the whole update, above bars of the update's singular "
            "values"
        )
