"""One look for the whole course: palette, figure defaults, and how a figure is shown.

A modality has the same colour and the same marker in every figure. The palette is Okabe and Ito's (2008), which
readers with any common colour vision can tell apart; the marker is the second channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODALITY_COLOURS = {
    "text": "#0072B2",
    "image": "#D55E00",
    "audio": "#009E73",
    "video": "#CC79A7",
    "structured": "#8A6D00",
    "3d": "#56B4E9",
}
MODALITY_MARKERS = {"text": "o", "image": "s", "audio": "^", "video": "D", "structured": "P", "3d": "X"}

GOOD, BAD, NEUTRAL, INK, PAPER = "#00795B", "#B3380A", "#6B7280", "#1F2933", "#FFFFFF"
COLOUR_MAP = "cividis"


def new_figure(width: float = 6.0, height: float = 3.4) -> Figure:
    """Return an empty figure of `width` x `height` inches in the course's style, outside pyplot's registry.

    A `Figure` made this way is freed like any other object, and redrawing it costs half of what pyplot costs.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained", facecolor=PAPER)
    return figure


def style_axes(axes, *, title: str = "", x: str = "", y: str = "") -> None:
    """Give `axes` a left-aligned title that states one claim, labels with units, and no frame on top or right."""
    if title:
        axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)


def figure_png(figure: Figure) -> bytes:
    """Return `figure` as PNG bytes."""
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def show(figure: Figure, alt: str) -> None:
    """Display `figure` in the notebook as a PNG whose alternative text is `alt`.

    `alt` must say what the figure shows, for readers who do not see it; it is kept in the output's metadata, from
    where the HTML export restores it.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("every figure needs alternative text: say in a sentence what it shows, show(figure, alt=...)")
    display(
        {"image/png": figure_png(figure), "text/plain": f"[figure: {alt}]"},
        raw=True,
        metadata={"image/png": {"alt": alt}},
    )
