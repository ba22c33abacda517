"""The glossary, searched as one types."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from utils.glossary import Term, glossary
from utils.style import INK
from utils.widgets.base import CourseWidget, ScriptWidget, script

_COLUMNS = 4  # of the still


class Glossary(ScriptWidget):
    """A search field and the terms that fit it, in English or Chinese; names that begin so come first.

    `terms` are those of the course unless others are given. The search needs no Python. The still names the terms;
    all that is said of them is in the page assets/glossary.md.
    """

    title = "Glossary"
    caption = "Type a part of a term, in English, in 简体 or in 繁體, or a word of its explanation."
    _css = CourseWidget._css + (Path(__file__).parent / "glossary.css").read_text(encoding="utf-8")
    _esm = script("glossary.js")

    def __init__(self, terms: Iterable[Term] | None = None, **kwargs):
        self.terms = tuple(glossary().values() if terms is None else terms)
        if not self.terms:
            raise ValueError("a glossary needs terms")
        rows = [
            {
                "title": term.title,
                "simplified": term.simplified,
                "traditional": term.traditional,
                "sentence": term.sentence,
                "source": term.source,
                "lesson": f"{term.lesson} {term.built_in.title}" if term.built_in else f"{term.lesson} (planned)",
            }
            for term in self.terms
        ]
        super().__init__(spec={"terms": rows}, **kwargs)

    @property
    def still_size(self) -> tuple[float, float]:
        """Inches: room for a line a term in each column."""
        return 8.0, 0.8 + 0.105 * -(-len(self.terms) // _COLUMNS)

    def draw_still(self, figure) -> str:
        """Write the terms in columns, in English: a figure's font has no Chinese."""
        lines = -(-len(self.terms) // _COLUMNS)
        for column, axes in enumerate(figure.subplots(1, _COLUMNS, squeeze=False)[0]):
            names = [term.title for term in self.terms[column * lines : (column + 1) * lines]]
            axes.axis("off")
            axes.text(
                0, 1, "\n".join(names), va="top", fontsize=6, linespacing=1.25, color=INK, transform=axes.transAxes
            )
        return f"the {len(self.terms)} terms of the glossary, from {self.terms[0].title} to {self.terms[-1].title}"
