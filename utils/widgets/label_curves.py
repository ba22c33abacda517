"""Accuracy by the number of labels, beside the labelled pictures themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.style import MODALITY_COLOURS, NEUTRAL, style_axes
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_picture

STROKES = (("solid", "o"), ("dashed", "s"), ("dotted", "^"))
MOST_PICTURES = 100


@dataclass(frozen=True)
class LabelTask:
    """One task of `LabelCurves`.

    `curves` holds for each method, at most three, the accuracy by number of labels: (mean, low, high). `pictures`,
    uint8 [n, 3, height, width], are the labelled ones in the order in which they are added, `names` their labels.
    """

    curves: Mapping[str, Mapping[int, tuple[float, float, float]]]
    pictures: Any
    names: Sequence[str]
    chance: float


class LabelCurves(ScriptWidget):
    """Learning curves of several tasks; a slider chooses the number of labels and shows the pictures that have one.

    `unit` is what there may be few or many of, in the plural, if the labels have a name of their own.
    """

    title = "What a label buys"
    caption = (
        "Slide from few labels to many: where does pretraining save most of them? Then choose the other task, and ask "
        "why the curves lie closer there."
    )
    still_size = (7.2, 3.4)
    _esm = script("label_curves.js")

    def __init__(self, tasks: Mapping[str, LabelTask], *, labels: int, unit: str = "labels", **kwargs):
        if not tasks:
            raise ValueError("give at least one task")
        counts = {tuple(curve) for task in tasks.values() for curve in task.curves.values()}
        if len(counts) != 1 or list(next(iter(counts))) != sorted(next(iter(counts))):
            raise ValueError("every curve of every task has the same numbers of labels, in rising order")
        (self.counts,) = counts
        if labels not in self.counts:
            raise ValueError(f"there is no figure for {labels} labels; there is for {', '.join(map(str, self.counts))}")
        for name, task in tasks.items():
            if not 1 <= len(task.curves) <= len(STROKES):
                raise ValueError(f"{name!r} has {len(task.curves)} curves; from 1 to {len(STROKES)} can be told apart")
            if len(task.pictures) != len(task.names) or not len(task.pictures):
                raise ValueError(f"{name!r} has {len(task.pictures)} pictures and {len(task.names)} names for them")
        self.tasks, self.labels, self.unit = dict(tasks), labels, unit
        spec = {
            "counts": list(self.counts),
            "labels": labels,
            "unit": unit,
            "colours": list(MODALITY_COLOURS.values())[: len(STROKES)],
            "tasks": [
                {
                    "name": name,
                    "curves": [
                        {
                            "name": method,
                            "points": [[float(number) for number in curve[count]] for count in self.counts],
                        }
                        for method, curve in task.curves.items()
                    ],
                    "chance": task.chance,
                    "pictures": [pack_picture(picture) for picture in task.pictures[:MOST_PICTURES]],
                    "names": list(task.names[:MOST_PICTURES]),
                }
                for name, task in tasks.items()
            ],
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw every task's curves, as they stand."""
        for i, (name, task) in enumerate(self.tasks.items()):
            axes = figure.add_subplot(1, len(self.tasks), i + 1)
            for (method, curve), (line, marker), colour in zip(
                task.curves.items(), STROKES, MODALITY_COLOURS.values(), strict=False
            ):
                mean, low, high = np.array([curve[count] for count in self.counts]).T
                axes.plot(self.counts, mean, linestyle=line, marker=marker, color=colour, label=method, markersize=4)
                axes.fill_between(self.counts, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.axhline(task.chance, color=NEUTRAL, linewidth=1, linestyle=(0, (1, 2)))
            axes.axvline(self.labels, color=NEUTRAL, linewidth=1)
            axes.set(xscale="log", ylim=(0, 1.03))
            axes.minorticks_off()
            axes.set_xticks(self.counts, list(map(str, self.counts)), fontsize=8)
            style_axes(axes, title=name, x=self.unit, y="accuracy, held out" if i == 0 else "")
            if i == 0:
                axes.legend(frameon=False, fontsize=8)
        methods = " and ".join(next(iter(self.tasks.values())).curves)
        return f"accuracy by number of {self.unit} for {methods}, on {' and on '.join(self.tasks)}"
