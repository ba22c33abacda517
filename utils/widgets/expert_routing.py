"""Where a router sends the tokens of pictures and of words, and who finds no room."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.style import MODALITY_COLOURS, style_axes
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_picture

IMAGE = "<image>"


@dataclass(frozen=True)
class RoutedText:
    """A text with its picture, and where its tokens were sent.

    `words` are all tokens in their order; those called <image> are the squares of the picture, in reading order.
    `chosen` holds, by the name of a model, the experts of each token: [layers, words, top_k], the likeliest first.
    """

    picture: Any
    words: Sequence[str]
    chosen: Mapping[str, Any]

    def __post_init__(self):
        as_picture(self.picture, "the picture of a routed text")
        squares = sum(word == IMAGE for word in self.words)
        if not squares or math.isqrt(squares) ** 2 != squares:
            raise ValueError(f"the words hold as many <image> as a picture has squares, 1, 4, 9 or more, not {squares}")
        if not self.chosen:
            raise ValueError("chosen holds the experts of each token for at least one model")


class ExpertRouting(ScriptWidget):
    """A picture in squares and its words, each marked with its experts; below, how full each expert is.

    The tokens of all `texts` together are one batch: a slider limits the room of each expert, and who comes too late
    in the batch is dropped. `layers` are the names of the layers that have experts. Begins at the last layer of the
    first model and at the first text, with room for all.
    """

    title = "Who is sent where"
    caption = (
        "Change the layer and the model: do squares of pictures and words go to the same experts? Then take room away, "
        "and see who is dropped, in the first text and in the last."
    )
    still_size = (7.2, 3.0)
    _esm = script("expert_routing.js")

    def __init__(self, texts: Sequence[RoutedText], *, experts: int, layers: Sequence[str], **kwargs):
        self.texts, self.experts, self.layers = list(texts), experts, list(layers)
        if not self.texts:
            raise ValueError("expert routing needs at least one text")
        if not 2 <= experts <= 16:
            raise ValueError(f"it shows from 2 to 16 experts, not {experts}")
        self.models = list(self.texts[0].chosen)
        chosen = [
            [self._checked(text, model, np.asarray(text.chosen.get(model))) for model in self.models]
            for text in self.texts
        ]
        if len({one.shape[2] for many in chosen for one in many}) > 1:
            raise ValueError("all tokens need equally many experts")
        self.top_k = chosen[0][0].shape[2]
        spec = {
            "experts": experts,
            "layers": self.layers,
            "models": self.models,
            "colours": [MODALITY_COLOURS["image"], MODALITY_COLOURS["text"]],
            "texts": [
                {
                    "name": f"{i + 1}. {_said(text)}",
                    "picture": pack_picture(text.picture),
                    "words": list(text.words),
                    "chosen": [one.tolist() for one in many],
                }
                for i, (text, many) in enumerate(zip(self.texts, chosen, strict=True))
            ],
        }
        super().__init__(spec=spec, **kwargs)

    def _checked(self, text: RoutedText, model: str, chosen: np.ndarray) -> np.ndarray:
        if list(text.chosen) != self.models:
            raise ValueError(f"every text needs the experts of the same models: {', '.join(self.models)}")
        if chosen.ndim != 3 or chosen.shape[:2] != (len(self.layers), len(text.words)) or not chosen.shape[2]:
            raise ValueError(
                f"the experts of {model!r} are [{len(self.layers)} layers, {len(text.words)} words, top_k], not "
                f"{list(chosen.shape)}"
            )
        if not np.issubdtype(chosen.dtype, np.integer) or chosen.min() < 0 or chosen.max() >= self.experts:
            raise ValueError(f"experts are numbered from 0 to {self.experts - 1}")
        return chosen

    def loads(self, model: str, layer: int) -> dict[str, np.ndarray]:
        """Return how many tokens of pictures, "image", and of words, "text", each expert gets from all texts."""
        counts = {kind: np.zeros(self.experts, dtype=int) for kind in ("image", "text")}
        for text in self.texts:
            for word, experts in zip(text.words, np.asarray(text.chosen[model])[layer], strict=True):
                np.add.at(counts["image" if word == IMAGE else "text"], experts, 1)
        return counts

    def draw_still(self, figure) -> str:
        """Draw the first text's picture with the first expert of each square, and the loads, as it begins."""
        text, model, layer = self.texts[0], self.models[0], len(self.layers) - 1
        left, right = figure.subplots(1, 2, width_ratios=(1, 2))
        squares = [row[0] for word, row in zip(text.words, text.chosen[model][layer], strict=True) if word == IMAGE]
        picture, side = as_picture(text.picture), math.isqrt(len(squares))
        _, height, width = picture.shape
        left.imshow(picture.transpose(1, 2, 0), interpolation="nearest")
        for i, expert in enumerate(squares):
            x, y = (i % side + 0.5) * width / side - 0.5, (i // side + 0.85) * height / side - 0.5
            left.text(x, y, f"expert {expert + 1}", fontsize=8, ha="center", bbox={"facecolor": "white", "pad": 1.5})
        left.axis("off")
        counts, places = self.loads(model, layer), range(self.experts)
        right.barh(places, counts["image"], color=MODALITY_COLOURS["image"], hatch="//", label="squares of pictures")
        right.barh(places, counts["text"], left=counts["image"], color=MODALITY_COLOURS["text"], label="words")
        right.set_yticks(places, [f"expert {i + 1}" for i in places], fontsize=8)
        right.invert_yaxis()
        right.set_xlim(0, 1.6 * (counts["image"] + counts["text"]).max())  # room for the legend beside the bars
        right.legend(frameon=False, fontsize=8)
        style_axes(right, title=f"{model}, {self.layers[layer]}", x="choices of tokens")
        return (
            f"the picture of the text {_said(text)!r} in squares, each marked with its expert, and beside it how many "
            f"tokens of pictures and of words choose each of the {self.experts} experts, {model}, {self.layers[layer]}"
        )


def _said(text: RoutedText) -> str:
    """The words that are words, in one line."""
    return " ".join(word for word in text.words if not word.startswith("<"))
