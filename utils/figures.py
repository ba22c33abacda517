"""The few kinds of figure that lessons draw again and again, each with one call.

Every function displays its figure with alternative text; `alt` says what the figure shows and holds no measured number,
so that it is the same on every machine.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from utils.style import COLOUR_MAP, INK, MODALITY_COLOURS, NEUTRAL, new_figure, show, style_axes

LINES = ("-", "--", ":", "-.")
COLOURS = (*MODALITY_COLOURS.values(),)


class Interval(Protocol):
    """A mean and the interval around it, as `utils.evaluation.bootstrap` returns."""

    mean: float
    low: float
    high: float


def show_pictures(
    pictures: Tensor, titles: Sequence[str], *, alt: str, columns: int = 6, wrap: int = 18, inches: float = 1.35
) -> None:
    """Display pictures, uint8 [n, 3, height, width], in rows of `columns`, each `inches` wide and under its title."""
    rows = math.ceil(len(pictures) / columns)
    lines = max(len(textwrap.wrap(title, wrap)) for title in titles)
    height = inches * pictures.shape[2] / pictures.shape[3]
    figure = new_figure(inches * columns, rows * (height + 0.15 * lines + 0.1))  # a title stands off its picture
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, picture, title in zip(figure.axes, pictures, titles, strict=False):
        axes.imshow(picture.permute(1, 2, 0), interpolation="nearest")
        axes.set_title(textwrap.fill(title, wrap), fontsize=8, color=INK)
    show(figure, alt)


def show_matrix(
    values: Tensor, *, title: str, alt: str, pictures: Tensor | None = None, captions: Sequence[str] | None = None
) -> None:
    """Display a matrix [rows, columns] as a heat map; pictures stand at its rows and captions at its columns."""
    rows, columns = values.shape
    figure = new_figure(7.0, 4.4 if captions else 3.6)
    axes = figure.subplots()
    image = axes.imshow(values, cmap=COLOUR_MAP, aspect="auto")
    figure.colorbar(image, ax=axes, shrink=0.8)
    style_axes(axes, title=title, x="caption", y="picture")
    if captions:
        axes.set_xticks(range(columns), [textwrap.fill(caption, 14) for caption in captions], fontsize=7)
    if pictures is not None:
        axes.set_yticks([])
        axes.set_ylabel("picture", labelpad=34)
        for row, picture in enumerate(pictures):
            side = 0.9 / rows
            inset = axes.inset_axes([-side * 0.75, 1 - (row + 0.95) / rows, side * 0.7, side])
            inset.imshow(picture.permute(1, 2, 0), interpolation="nearest")
            inset.axis("off")
    if rows <= 8 and columns <= 8:
        middle = (values.min() + values.max()) / 2
        for row in range(rows):
            for column in range(columns):
                value = values[row, column]
                colour = "white" if value < middle else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    show(figure, alt)


def show_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    x: str,
    y: str,
    alt: str,
    log_x: bool = False,
    level: tuple[str, float] | None = None,
) -> None:
    """Display curves by name, each with its x and y values; `level` is a named horizontal line, such as chance."""
    figure = new_figure(6.4, 3.0)
    axes = figure.subplots()
    for i, (name, (xs, ys)) in enumerate(curves.items()):
        axes.plot(xs, ys, label=name, color=COLOURS[i % len(COLOURS)], linestyle=LINES[i % len(LINES)])
    if level:
        axes.axhline(level[1], color=NEUTRAL, linewidth=1, linestyle=(0, (1, 2)), label=level[0])
    if log_x:
        axes.set_xscale("log")
    if len(curves) > 1 or level:
        axes.legend(frameon=False, fontsize=9)
    style_axes(axes, title=title, x=x, y=y)
    show(figure, alt)


def show_bars(
    bars: Mapping[str, float],
    *,
    title: str,
    x: str,
    alt: str,
    format: str = ".2f",
    colours: Mapping[str, str] = MODALITY_COLOURS,
) -> None:
    """Display a horizontal bar for each name, with its value at its end.

    A bar called by a modality has its colour; one called by several, such as "text + image", has a stripe of each.
    Other names have theirs from `colours`, or none.
    """
    figure = new_figure(6.4, 0.8 + 0.36 * len(bars))
    axes = figure.subplots()
    for place, (name, value) in enumerate(bars.items()):
        parts = name.split(" + ")
        height = 0.62 / len(parts)
        for i, part in enumerate(parts):
            middle = place + (i - (len(parts) - 1) / 2) * height
            axes.barh(middle, value, height=height, color=colours.get(part, NEUTRAL))
        axes.annotate(
            f"{value:{format}}",
            (value, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.set_yticks(range(len(bars)), list(bars), fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    style_axes(axes, title=title, x=x)
    show(figure, alt)


def show_intervals(
    intervals: Mapping[str, Interval],
    *,
    title: str,
    x: str,
    alt: str,
    level: tuple[str, float] | None = None,
) -> None:
    """Display a row for each name: a dot at the mean and a line over its interval; `level` is a named upright line.

    The interval of a name is anything with `mean`, `low` and `high`, such as what `bootstrap` returns. Dots of a
    modality, or of several such as "text + image", have its colour, or a stripe of each.
    """
    figure = new_figure(6.4, 0.9 + 0.32 * len(intervals))
    axes = figure.subplots()
    for place, (name, interval) in enumerate(intervals.items()):
        parts = name.split(" + ")
        for i, part in enumerate(parts):
            middle = place + (i - (len(parts) - 1) / 2) * 0.16
            colour = MODALITY_COLOURS.get(part, NEUTRAL)
            axes.plot([interval.low, interval.high], [middle, middle], color=colour, linewidth=3, solid_capstyle="butt")
        axes.plot([interval.mean], [place], "o", color=INK, markersize=4)
    if level:
        axes.axvline(level[1], color=NEUTRAL, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(level[0], (level[1], -0.7), xytext=(3, 0), textcoords="offset points", fontsize=8, color=NEUTRAL)
    axes.set_yticks(range(len(intervals)), list(intervals), fontsize=9)
    axes.set_ylim(len(intervals) - 0.4, -1)
    axes.set_xlim(0, 1.02)
    style_axes(axes, title=title, x=x)
    show(figure, alt)


def principal_plane(vectors: Tensor) -> Tensor:
    """Return the coordinates [n, 2] of vectors [n, width] on the plane in which they differ most (PCA)."""
    centred = vectors - vectors.mean(0)
    return centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
