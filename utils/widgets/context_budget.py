"""What a picture and some words take of a language model's context window, and what reading them costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from utils.style import MODALITY_COLOURS, NEUTRAL
from utils.widgets.base import ScriptWidget, script, write
from utils.widgets.controls import Slider

if TYPE_CHECKING:
    from matplotlib.patches import Rectangle

SIZES = ("vocabulary", "length", "width", "depth", "hidden")
WORDS = Slider("words", "Words of text", 0, 4000, value=200, step=10)
PIXELS = Slider("pixels", "Side of the picture", 0, 2048, value=224, step=32, unit="pixels")
PATCH = Slider("patch", "Side of a patch", 8, 32, value=16, step=2, unit="pixels")


class ContextBudget(ScriptWidget):
    """Every token beside every other, as a square: its side is the context window, its filled part what is read.

    `models` gives the sizes of some language models by name, each a mapping with vocabulary, length (the context
    window, in tokens), width, depth and hidden. Each patch of the picture takes a token, and so does each word.
    Computing is counted as one addition or one multiplication a FLOP: two for each weight that a token meets, and in
    attention four times the width for each pair of tokens in each layer.
    """

    title = "What a picture costs"
    caption = (
        "Double the side of the picture, then halve that of the patch: how do the tokens grow, and how the square of "
        "all pairs? Then take another model."
    )
    still_size = (6.4, 3.4)
    _esm = script("context_budget.js")

    def __init__(
        self,
        models: Mapping[str, Mapping[str, int]],
        *,
        words: int = WORDS.start,
        pixels: int = PIXELS.start,
        patch: int = PATCH.start,
        **kwargs,
    ):
        if not models:
            raise ValueError("give at least one model")
        for name, sizes in models.items():
            if set(sizes) != set(SIZES) or min(sizes.values()) < 1:
                raise ValueError(f"the model {name!r} needs {', '.join(SIZES)}, each 1 or more, not {dict(sizes)}")
        self.models = {name: dict(sizes) for name, sizes in models.items()}
        self.words, self.pixels, self.patch = WORDS.check(words), PIXELS.check(pixels), PATCH.check(patch)
        starts = ((WORDS, self.words), (PIXELS, self.pixels), (PATCH, self.patch))
        spec = {
            "models": self.models,
            "controls": [{**slider.spec(), "start": start} for slider, start in starts],
            "colours": {"text": MODALITY_COLOURS["text"], "image": MODALITY_COLOURS["image"], "other": NEUTRAL},
        }
        super().__init__(spec=spec, **kwargs)

    def costs(self, name: str) -> dict[str, int]:
        """Return the tokens of text and of the picture, and the FLOPs with and without those of attention."""
        sizes = self.models[name]
        image = (self.pixels // self.patch) ** 2
        tokens = self.words + image
        width, depth = sizes["width"], sizes["depth"]
        weights = depth * (4 * width**2 + 2 * width * sizes["hidden"]) + width * sizes["vocabulary"]
        attention = 4 * tokens**2 * width * depth
        return {"text": self.words, "image": image, "weights": 2 * tokens * weights, "attention": attention}

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands at first."""
        name = next(iter(self.models))
        window, costs = self.models[name]["length"], self.costs(name)
        text, tokens = costs["text"], costs["text"] + costs["image"]
        axes, beside = figure.subplots(1, 2)
        for corner, wide, tall, colour in (
            ((0, 0), text, text, MODALITY_COLOURS["text"]),
            ((text, text), tokens - text, tokens - text, MODALITY_COLOURS["image"]),
            ((text, 0), tokens - text, text, NEUTRAL),
            ((0, text), text, tokens - text, NEUTRAL),
        ):
            axes.add_patch(_rectangle(corner, wide, tall, facecolor=colour))
        axes.add_patch(_rectangle((0, 0), window, window, fill=False, edgecolor="black"))
        side = 1.02 * max(window, tokens)
        axes.set(xlim=(-0.01 * side, side), ylim=(side, -0.01 * side), aspect="equal")
        axes.set(xlabel="token", ylabel="token that looks at it")
        total = costs["weights"] + costs["attention"]
        sentence = (
            f"{name}: {text} tokens of text and {costs['image']} of the picture, {tokens / window:.1%} of a window of "
            f"{window}; {total:.2e} FLOPs, {costs['attention'] / total:.1%} of them in attention"
        )
        write(beside, sentence.replace(": ", ":\n").replace(", ", "\n").replace("; ", "\n"), width=36)
        return f"a square of all pairs of tokens within the context window. {sentence}"


def _rectangle(corner: tuple[int, int], wide: int, tall: int, **style: Any) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, wide, tall, **style)
