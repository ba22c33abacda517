"""Make a scene with your own hands, and see its picture, its sentence and its record change together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from utils.widgets.base import LiveWidget, script, write
from utils.widgets.controls import Control
from utils.widgets.packing import as_picture, pack_picture, pack_table, table_lines


class SceneMaker(LiveWidget):
    """One scene in three modalities.

    `render(values)` gets the value of each control by name and returns the picture (uint8 [3, height, width]), a
    sentence, and a record (a dict, or a list of dicts, one per object). A ValueError that it raises is shown to the
    learner. Afterwards `values`, `picture`, `sentence` and `record` hold the scene as it stands.
    """

    title = "Scene maker"
    caption = "Change one thing at a time: what changes in the picture, in the sentence, in the record?"
    still_size = (6.0, 2.6)
    _esm = script("scene_maker.js")

    def __init__(
        self,
        render: Callable[[dict[str, Any]], tuple[Any, str, Mapping[str, Any] | Sequence[Mapping[str, Any]]]],
        controls: Sequence[Control],
        **kwargs,
    ):
        self.render = render
        super().__init__(controls=controls, **kwargs)

    def answer(self, **values) -> dict[str, Any]:
        """Render the scene and pack its three modalities."""
        picture, sentence, record = self.render(values)
        shown = {
            "picture": pack_picture(picture, "the picture that render returns"),
            "alt": f"a picture: {sentence}",
            "sentence": sentence,
            "record": pack_table(record),
        }
        self.picture, self.sentence, self.record = as_picture(picture), sentence, record
        return shown

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.9])
        left.imshow(self.picture.transpose(1, 2, 0), interpolation="nearest")
        left.axis("off")
        write(right, f"“{self.sentence}”\n\n{table_lines(self.record)}", width=44)
        return f"a picture, its sentence “{self.sentence}” and its record"
