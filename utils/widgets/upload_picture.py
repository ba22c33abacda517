"""Bring your own picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from utils.widgets.base import LiveWidget, script, write
from utils.widgets.packing import as_picture, pack_picture

MEGABYTE = 1_000_000


class UploadPicture(LiveWidget):
    """A file of the learner's, chosen or dropped, as a picture.

    `on_picture(data)` gets the file's bytes and returns the picture (uint8 [3, height, width]) and a line of text;
    a ValueError that it raises (not a picture, too large to decode) is shown to the learner. `megabytes` limits the
    file, in the browser and again in Python. `picture`, `text` and `filename` hold what came last, None before that.
    The file stays on this machine: it goes from the browser to the notebook's own Python and nowhere else.
    """

    title = "Your own picture"
    caption = "Choose a picture of yours, or drop one here: it goes to the Python of this notebook and nowhere else."
    accept, label, record = "image/*", "Picture file", 0.0  # kinds of file; seconds that a microphone is listened to
    _esm = script("upload_picture.js")

    def __init__(self, on_picture: Callable[[bytes], tuple[Any, str]], *, megabytes: float = 20, **kwargs):
        if megabytes <= 0:
            raise ValueError(f"a limit of {megabytes} megabytes lets no file in")
        self.on_picture = on_picture
        self.picture = self.text = self.filename = None
        self._limit = int(megabytes * MEGABYTE)
        self._pieces: dict[str, list[bytes]] = {}
        spec = {"limit": self._limit, "accept": self.accept, "label": self.label, "record": self.record}
        super().__init__(spec=spec, **kwargs)

    def answer(self) -> dict[str, Any]:
        """Pack the picture that came last, if any."""
        if self.picture is None:
            return {"picture": None, "text": "", "alt": ""}
        return {
            "picture": pack_picture(self.picture, "the picture that on_picture returns"),
            "text": self.text,
            "alt": f"your picture {self.filename}",
        }

    def receive(self, data: bytes, filename: str = "picture") -> dict[str, Any]:
        """Take the file `data` as if the learner had dropped it; ValueError when it is too large or no picture."""
        if len(data) > self._limit:
            raise ValueError(self._too_large(len(data)))
        if not data:
            raise ValueError("this file is empty")
        picture, text = self.on_picture(data)
        self.picture, self.text, self.filename = (
            as_picture(picture, "the picture that on_picture returns"),
            text,
            filename,
        )
        return self.answer()

    def _too_large(self, size: int) -> str:
        return f"this file has {size / MEGABYTE:.1f} MB; the limit is {self._limit / MEGABYTE:g} MB"

    def _on_message(self, widget, content, buffers) -> None:
        # a file comes in pieces: a websocket message may have no more than 10 MB
        if content.get("piece") is None:
            super()._on_message(widget, content, buffers)
            return
        view = content["view"]
        if content["piece"] == 0:
            self._pieces[view] = []
        pieces = self._pieces.setdefault(view, [])
        pieces.append(bytes(buffers[0]) if buffers else b"")
        too_large = sum(map(len, pieces)) > self._limit
        if content["last"] or too_large:
            data = b"".join(self._pieces.pop(view))
            self._reply(content, lambda: self.receive(data, content["filename"]))

    @property
    def still_size(self) -> tuple[float, float]:
        """Inches: a picture needs more room than none."""
        return (6.0, 1.2) if self.picture is None else (6.0, 2.4)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        if self.picture is None:
            write(figure.subplots(), "Drop a picture of yours here.")
            return "a place to drop a picture of your own, still empty"
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.9])
        left.imshow(self.picture.transpose(1, 2, 0), interpolation="nearest")
        left.axis("off")
        write(right, self.text, width=44)
        return f"your picture {self.filename}: {self.text}"
