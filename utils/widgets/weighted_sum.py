"""Arithmetic in a joint space: the weighted sum of two vectors, and the pictures nearest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from utils.style import INK
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats, pack_picture


class WeightedSum(ScriptWidget):
    """Two things to choose, a slider that weighs them, and the pictures nearest to their weighted sum.

    `first` and `second` map what a thing is called to its vector [d]; `vectors` [n, d] and `labels` belong to the n
    `pictures`, uint8 [3, height, width]. The sum is (1 - weight) first + weight second, each of length 1, and near
    means a large cosine. `names` are what the two choices are called.
    """

    title = "A weighted sum"
    caption = "Choose two things, and move the slider from one to the other: which pictures lie nearest to the sum?"
    shown = 6
    _esm = script("weighted_sum.js")
    _data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        first: Mapping[str, Any],
        second: Mapping[str, Any],
        pictures: Sequence[Any],
        vectors: Any,
        labels: Sequence[str],
        *,
        names: tuple[str, str] = ("First", "Second"),
        weight: float = 0.0,
        **kwargs,
    ):
        self.pictures = [as_picture(picture, f"picture {i}") for i, picture in enumerate(pictures)]
        if not self.pictures or len(labels) != len(self.pictures):
            raise ValueError(f"{len(self.pictures)} pictures need as many labels, and at least one, not {len(labels)}")
        self.labels, self.weight = tuple(labels), float(weight)
        self.vectors = _unit(vectors, "vectors")
        if len(self.vectors) != len(self.pictures):
            raise ValueError(f"{len(self.pictures)} pictures need as many vectors, not {len(self.vectors)}")
        if not first or not second:
            raise ValueError("there must be at least one thing to choose on either side")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"the weight runs from 0 to 1, not {weight}")
        self.sides = [
            (list(side), _unit(list(side.values()), name)) for name, side in (("first", first), ("second", second))
        ]
        for (_, values), name in zip(self.sides, ("first", "second"), strict=True):
            if values.shape[1] != self.vectors.shape[1]:
                raise ValueError(
                    f"the vectors of {name} are {values.shape[1]} wide, those of the pictures {self.vectors.shape[1]}"
                )
        spec = {
            "names": list(names),
            "labels": list(self.labels),
            "sides": [choices for choices, _ in self.sides],
            "weight": self.weight,
            "shown": min(self.shown, len(self.pictures)),
        }
        super().__init__(spec=spec, **kwargs)
        self._data = {
            "pictures": [pack_picture(picture) for picture in self.pictures],
            "vectors": pack_floats(self.vectors),
            "sides": [pack_floats(values) for _, values in self.sides],
        }

    def nearest(self) -> list[int]:
        """Return the numbers of the pictures that the widget shows at first, the nearest first."""
        (_, first), (_, second) = self.sides
        scores = self.vectors @ ((1 - self.weight) * first[0] + self.weight * second[0])
        return np.argsort(-scores, kind="stable")[: self.shown].tolist()

    def draw_still(self, figure) -> str:
        """Draw the pictures nearest to the sum as it stands at first."""
        nearest = self.nearest()
        for axes, i in zip(figure.subplots(1, len(nearest), squeeze=False)[0], nearest, strict=True):
            axes.imshow(self.pictures[i].transpose(1, 2, 0), interpolation="nearest")
            axes.axis("off")
        (first, *_), (second, *_) = (choices for choices, _ in self.sides)
        figure.text(
            0.01, 0.83, f"{1 - self.weight:.2f} × {first} + {self.weight:.2f} × {second}", fontsize=9, color=INK
        )
        return f"the pictures nearest to {first} and {second}, weighed {1 - self.weight:.2f} and {self.weight:.2f}"


def _unit(vectors: Any, what: str) -> np.ndarray:
    """`vectors` as float32 [n, d], each of length 1; ValueError says what is wrong with them."""
    array = np.stack([np.asarray(vector, dtype=np.float32) for vector in vectors])
    lengths = np.linalg.norm(array, axis=-1, keepdims=True)
    if array.ndim != 2 or not np.isfinite(array).all() or not lengths.all():
        raise ValueError(f"{what} must be vectors [n, d] of finite numbers and of some length, not {list(array.shape)}")
    return array / lengths
