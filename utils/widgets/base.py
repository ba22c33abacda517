"""The ground that every widget stands on.

`FigureWidget`   matplotlib draws, in Python, at each move of a control: say what to draw once and what moves.
`LiveWidget`     Python answers each move with data, and the widget's own script shows it.
`ScriptWidget`   the script does everything; once shown, it needs no Python.

All of them display the living widget together with a still picture and a line of text, so that GitHub, an HTML page
or a sheet of paper has something to show.
"""

from __future__ import annotations

import io
import textwrap
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from utils.style import INK, NEUTRAL, figure_png, new_figure
from utils.widgets.controls import Control, check_controls, check_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VIEW = "application/vnd.jupyter.widget-view+json"
_HERE = Path(__file__).parent


@cache
def script(name: str) -> str:
    """Return `base.js` followed by the widget's own file `name`: one module, nothing to fetch."""
    return "\n".join((_HERE / part).read_text(encoding="utf-8") for part in ("base.js", name))


class CourseWidget(anywidget.AnyWidget):
    """What every widget has: a `title`, a `caption` that says what to try, and a still.

    Give both as class attributes or to the constructor.
    """

    title: str = ""
    caption: str = ""
    still_size: ClassVar[tuple[float, float]] = (6.0, 3.0)
    _css = (_HERE / "base.css").read_text(encoding="utf-8")
    _spec = traitlets.Dict().tag(sync=True)

    def __init__(self, *, title: str | None = None, caption: str | None = None, spec: Mapping[str, Any] | None = None):
        self.title = self.title if title is None else title
        self.caption = self.caption if caption is None else caption
        name = type(self).__name__
        if not self.title.strip():
            raise ValueError(f"{name} needs a title: what a screen reader calls it")
        if not self.caption.strip():
            raise ValueError(f"{name} needs a caption: a sentence that says what to try")
        super().__init__(_spec={"title": self.title, "caption": self.caption, **(spec or {})})

    def draw_still(self, figure: Figure) -> str:
        """Draw the widget as it stands on the empty `figure`, and return the alternative text."""
        raise NotImplementedError(f"{type(self).__name__} must say how its still is drawn")

    def still(self) -> tuple[bytes, str]:
        """Return the still as PNG bytes, with its alternative text."""
        figure = new_figure(*self.still_size)
        alt = self.draw_still(figure)
        figure.suptitle(self.title, x=0.01, ha="left", fontsize=11, weight="bold", color=INK)
        figure.supxlabel("still of a widget: run the notebook to move it", x=0.01, ha="left", fontsize=8, color=NEUTRAL)
        return figure_png(figure), alt

    def _repr_mimebundle_(self, **_kwargs) -> tuple[dict[str, Any], dict[str, Any]]:
        png, alt = self.still()
        data = {
            VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
            "image/png": png,
            "text/plain": f"[{self.title}: {alt}]",
        }
        return data, {"image/png": {"alt": alt}}


class ScriptWidget(CourseWidget):
    """A widget whose mechanism is a script: set `_esm = script("name.js")`, declare data traits, draw a still."""


class LiveWidget(CourseWidget):
    """A widget that asks Python for what it shows.

    A subclass has `controls`, and `answer(**values)` returning a dict of what the script shows: numbers, text, lists,
    bytes. The script sends the newest values only, and never a second question before the first is answered. Whatever
    `answer` raises is shown in the widget; a ValueError is taken as a message to the learner, any other exception
    comes with its traceback. It may run while a cell runs, in another thread, but never twice at a time.

    `values` holds the value of each control; assigning to it, or `widget.set(size=3)`, moves the controls.
    """

    controls: Sequence[Control] = ()
    values = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Dict().tag(sync=True)

    def __init__(self, *, controls: Sequence[Control] | None = None, spec: Mapping[str, Any] | None = None, **kwargs):
        self.controls = check_controls(self.controls if controls is None else controls)
        # JupyterLab lets widgets ask in a thread of their own, while a cell runs
        self._lock = threading.RLock()
        self._answering = False
        spec = {"controls": [control.spec() for control in self.controls], **(spec or {})}
        super().__init__(spec=spec, **kwargs)
        # an error here is one of the notebook, so it goes to the cell
        self.set_trait("values", {control.name: control.start for control in self.controls})
        self._shown = self.answer(**self.values)
        self.on_msg(self._on_message)

    def answer(self, **values) -> dict[str, Any]:
        """Return what the script shows for these values of the controls."""
        raise NotImplementedError(f"{type(self).__name__} must say what it answers")

    def set(self, **values) -> None:
        """Move controls from Python, `widget.set(size=3)`; a value that the control does not take raises ValueError."""
        self.values = {**self.values, **values}

    @traitlets.validate("values")
    def _check_values(self, proposal) -> dict[str, Any]:
        return check_values(self.controls, proposal["value"])

    @traitlets.observe("values")
    def _on_values(self, _change) -> None:
        if self._answering or not self._shown:
            return
        with self._lock:
            self._shown = self.answer(**self.values)

    def _on_message(self, _widget, content: dict[str, Any], buffers: list[Any]) -> None:
        if "question" in content:
            self._reply(content, lambda: self._answer_browser(content["question"]))

    def _answer_browser(self, values: dict[str, Any]) -> dict[str, Any]:
        self._answering = True
        try:
            checked = check_values(self.controls, values)
            shown = self.answer(**checked)
            self.values = checked
        finally:
            self._answering = False
        return shown

    def _reply(self, content: dict[str, Any], work) -> None:
        """Do `work`, and show what it returns, or what it raises; `content` says which question is answered."""
        asked = {"view": content.get("view"), "turn": content.get("turn")}
        # the values and the answer travel in one message
        with self._lock, self.hold_sync():
            try:
                shown = work()
            except ValueError as error:
                shown = {**self._shown, "error": str(error), "details": ""}
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  whatever it is, the learner must see it
                message = f"{type(error).__name__}: {error}"
                shown = {**self._shown, "error": message, "details": traceback.format_exc()}
            self._shown = {**shown, **asked}


class FigureWidget(LiveWidget):
    """A matplotlib figure that follows its controls.

    A subclass sets `title`, `caption`, `controls` and `size` (inches), and has

        def draw(self):             # once: create the artists on self.figure, keep them
            axes = self.figure.subplots()
            (self.line,) = axes.plot(x, x)
            return [self.line]      # optional: the artists that move; as long as no other does, only they are drawn

        def update(self, power):    # at each move: change the artists
            self.line.set_ydata(x**power)
            return f"x to the power {power}", f"area {area:.2f}"    # alternative text, and optionally a line of text
    """

    size: ClassVar[tuple[float, float]] = (6.0, 3.4)
    _esm = script("figure.js")

    def __init__(self, **kwargs):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.figure = new_figure(*self.size)
        self._canvas = FigureCanvasAgg(self.figure)
        self._moving = list(self.draw() or [])
        self._is_laid_out = False
        self._background = None
        super().__init__(**kwargs)

    def draw(self) -> Any:
        """Create the artists on `self.figure`; return those that `update` moves, so that only they are drawn again."""
        raise NotImplementedError(f"{type(self).__name__} must say what it draws")

    def update(self, **values) -> str | tuple[str, str]:
        """Move the artists; return the alternative text, or it and a line of text."""
        raise NotImplementedError(f"{type(self).__name__} must say what moves")

    def answer(self, **values) -> dict[str, Any]:
        """Let `update` move the artists, and return the picture."""
        returned = self.update(**values)
        alt, text = (returned, "") if isinstance(returned, str) else returned or ("", "")
        if not alt.strip():
            raise TypeError(f"{type(self).__name__}.update must return alternative text: what the figure now shows")
        width, height = self._canvas.get_width_height()
        return {"alt": alt, "text": text, "png": self._render(), "width": width, "height": height}

    def still(self) -> tuple[bytes, str]:
        """Return the figure as it stands, with its alternative text."""
        return self._shown["png"], self._shown["alt"]

    def _render(self) -> bytes:
        self._paint()
        return _encode(self._canvas.buffer_rgba())

    def _paint(self) -> None:
        if not self._is_laid_out:
            # laying out costs more than drawing, and a figure whose axes jump about is harder to follow
            self._canvas.draw()
            self.figure.set_layout_engine("none")
            for artist in self._moving:
                artist.set_animated(True)
            self._is_laid_out = True
        # an animated artist is not drawn with the figure and does not make it stale, so whatever else moved is seen
        if self._background is None or self.figure.stale:
            self._canvas.draw()
            self._background = self._canvas.copy_from_bbox(self.figure.bbox) if self._moving else None
        else:
            self._canvas.restore_region(self._background)
        for artist in self._moving:
            self.figure.draw_artist(artist)


def write(axes: Axes, text: str, *, width: int = 88, **style) -> None:
    """Write `text` on `axes`, from the top left, without a frame; lines longer than `width` letters are broken."""
    lines = [textwrap.fill(line, width) for line in text.splitlines()]
    axes.axis("off")
    defaults = {"fontsize": 10, "color": INK, "linespacing": 1.35}
    axes.text(0, 1, "\n".join(lines), va="top", transform=axes.transAxes, **(defaults | style))


def _encode(rgba: memoryview) -> bytes:
    """Return PNG bytes, packed lightly: a figure is mostly flat, and the time counts at every move."""
    from PIL import Image

    height, width, _ = rgba.shape
    buffer = io.BytesIO()
    Image.frombuffer("RGBA", (width, height), rgba, "raw", "RGBA", 0, 1).convert("RGB").save(
        buffer, "PNG", compress_level=1
    )
    return buffer.getvalue()
