"""Write a sentence, find pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from utils.widgets.base import LiveWidget, script, write
from utils.widgets.controls import TextBox
from utils.widgets.packing import as_picture, pack_picture


class SearchBox(LiveWidget):
    """A line of text, and the pictures that fit it best, best first.

    `search(text)` returns a list of (picture uint8 [3, height, width], score, label); the label is what a screen
    reader says of the picture. A ValueError that it raises (a word that the model does not know) is shown to the
    learner. The empty line finds nothing and does not call `search`. `results` holds the last list.
    """

    title = "Search by sentence"
    caption = "Describe a picture; then change one word and watch which pictures move up."
    still_size = (6.4, 2.7)
    _esm = script("search_box.js")

    def __init__(
        self,
        search: Callable[[str], Sequence[tuple[Any, float, str]]],
        *,
        text: str = "",
        suggestions: Sequence[str] = (),
        label: str = "Find pictures of",
        **kwargs,
    ):
        self.search = search
        self.results: list[tuple[Any, float, str]] = []
        super().__init__(controls=[TextBox("text", label, value=text, suggestions=tuple(suggestions))], **kwargs)

    def answer(self, text: str) -> dict[str, Any]:
        """Search, and pack what was found."""
        results = list(self.search(text)) if text.strip() else []
        shown = [
            {"picture": pack_picture(picture, f"result {rank}"), "score": float(score), "label": str(label)}
            for rank, (picture, score, label) in enumerate(results, start=1)
        ]
        self.results = results
        return {"results": shown, "text": f"{len(shown)} pictures found" if text.strip() else ""}

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        text = self.values["text"]
        if not self.results:
            write(figure.subplots(), "nothing searched for yet")
            return "a search box, still empty"
        for axes, (picture, score, label) in zip(
            figure.subplots(1, len(self.results), squeeze=False)[0], self.results, strict=True
        ):
            axes.imshow(as_picture(picture).transpose(1, 2, 0), interpolation="nearest")
            axes.set_title(f"{score:.2f}", fontsize=9)
            axes.set_xlabel(textwrap.fill(label, max(8, 84 // len(self.results))), fontsize=8)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.85))
        figure.text(0.01, 0.89, f"“{text}”", fontsize=10, va="top")
        found = "; ".join(f"{label} ({score:.2f})" for _, score, label in self.results)
        return f"what “{text}” finds, best first: {found}"
