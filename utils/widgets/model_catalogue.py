"""The systems of the world outside: searched, filtered, sorted, and looked at one by one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from utils.catalogue import NOT_GIVEN, System, catalogue, in_words
from utils.style import INK
from utils.widgets.base import CourseWidget, ScriptWidget, script


class ModelCatalogue(ScriptWidget):
    """A table of systems with a search field and a filter for family and for maker; a column's head sorts by it.

    `systems` are those of assets/models.yaml unless others are given; a system's name opens what is known of it, with
    a link to its source. No Python is needed once it is shown. The still is the table; all that is said of each system
    is in the page assets/models.md.
    """

    title = "Models in the world"
    caption = (
        "Keep one family, then sort by parameters: which sizes are missing? Open a system to read who says so, and "
        "which model of this course works like it."
    )
    _css = CourseWidget._css + (Path(__file__).parent / "model_catalogue.css").read_text(encoding="utf-8")
    _esm = script("model_catalogue.js")

    def __init__(self, systems: Iterable[System] | None = None, **kwargs):
        self.systems = tuple(catalogue().values() if systems is None else systems)
        if not self.systems:
            raise ValueError("a catalogue needs systems")
        super().__init__(spec={"systems": [_row(system) for system in self.systems], "missing": NOT_GIVEN}, **kwargs)

    @property
    def still_size(self) -> tuple[float, float]:
        """Inches: room for a line a system."""
        return 7.6, 1.0 + 0.15 * len(self.systems)

    def draw_still(self, figure) -> str:
        """Write the table."""
        axes = figure.subplots()
        axes.axis("off")
        rows = [("System", "Date", "Family", "Parameters")]
        rows += [(row["name"], row["date"], row["family"], row["size"]) for row in map(_row, self.systems)]
        for line, row in enumerate(rows):
            for place, text in zip((0, 0.27, 0.42, 0.68), row, strict=True):
                weight = "normal" if line else "bold"
                axes.text(
                    place, 1 - line / len(rows), text or NOT_GIVEN, va="top", fontsize=8, color=INK, weight=weight
                )
        return f"a table of {len(self.systems)} systems, from {self.systems[0].name} to {self.systems[-1].name}"


def _row(system: System) -> dict[str, object]:
    """What the script shows of a system; "" where its source says nothing."""
    active = f", {in_words(system.active_parameters)} active" if system.active_parameters else ""
    mini = ""
    if system.mini:
        lesson = system.mini.built_in
        where = f"{lesson.id} {lesson.title}" if lesson else f"{system.mini.lesson} (planned)"
        mini = f"{system.mini.module}, in lesson {where}"
    return {
        "name": system.name,
        "maker": system.maker,
        "date": system.date,
        "family": system.family or "",
        "parameters": system.parameters,
        "size": "" if system.parameters is None else in_words(system.parameters) + active,
        "flow": f"{', '.join(system.inputs)} → {', '.join(system.outputs)}",
        "mechanism": system.mechanism or "",
        "context": "" if system.context is None else f"{system.context:,} tokens",
        "note": system.note or "",
        "source": {"text": f"{system.source.title}, {system.source.year}", "url": system.source.url},
        "mini": mini or "not yet in this course",
    }
