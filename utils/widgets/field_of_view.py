"""How far a place of a picture sees, through one encoder and through another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats, pack_picture


class FieldOfView(ScriptWidget):
    """A picture seen from one of its places, through several encoders, layer by layer.

    `views` holds, by encoder and then by layer, how much each pixel matters to each place: numbers from 0 to 1,
    [rows, columns, height, width]. All encoders have the same number of layers and the same places. The learner
    chooses the place with the pointer or the arrow keys, and the layer with a slider.
    """

    title = "How far a place sees"
    caption = "Point at a place, or walk with the arrow keys: it sees what is bright. Then go back through the layers."
    still_size = (6.4, 2.5)
    _esm = script("field_of_view.js")

    def __init__(self, picture: Any, views: Mapping[str, Mapping[str, Any]], **kwargs):
        self.picture = as_picture(picture)
        height, width = self.picture.shape[1:]
        self.views = {
            name: {layer: np.asarray(values, dtype=np.float32) for layer, values in layers.items()}
            for name, layers in views.items()
        }
        shapes = {values.shape for layers in self.views.values() for values in layers.values()}
        depths = {len(layers) for layers in self.views.values()}
        if len(shapes) != 1 or len(depths) != 1 or len(shape := shapes.pop()) != 4 or shape[2:] != (height, width):
            raise ValueError(
                f"every encoder needs as many layers, and every layer views of the same shape, [rows, columns, "
                f"{height}, {width}]"
            )
        self.rows, self.columns = shape[:2]
        self.depth = depths.pop()
        for layers in self.views.values():
            for values in layers.values():
                if not ((values >= 0) & (values <= 1)).all():
                    raise ValueError("how much a pixel matters is a number from 0 to 1")
        spec = {
            "picture": pack_picture(self.picture),
            "rows": self.rows,
            "columns": self.columns,
            "encoders": [
                {"name": name, "layers": list(layers), "views": pack_floats(np.stack(list(layers.values())))}
                for name, layers in self.views.items()
            ],
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the second place of the second row, through the first layer and the last of each encoder."""
        row, column = min(1, self.rows - 1), min(1, self.columns - 1)
        picture = self.picture.transpose(1, 2, 0) / 255
        axes = iter(figure.subplots(1, 2 * len(self.views), squeeze=False)[0])
        for name, layers in self.views.items():
            for layer in (next(iter(layers)), list(layers)[-1]):
                light = 0.15 + 0.85 * layers[layer][row, column][:, :, None] ** 0.5
                axis = next(axes)
                axis.imshow(picture * light, interpolation="nearest")
                axis.set_title(f"{name}\n{layer}", fontsize=9)
                axis.axis("off")
        return f"a picture, bright where one of its places sees: first and last layer of {' and of '.join(self.views)}"
