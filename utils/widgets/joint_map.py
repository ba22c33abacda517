"""A joint space laid out on a plane, to be taken in the hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from utils.style import MODALITY_COLOURS, MODALITY_MARKERS
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats


class JointMap(ScriptWidget):
    """Points of several modalities on a map; choose one and see its nearest neighbours in the other modalities.

    `positions` is [n, 2]; `labels` are n strings; `modalities` are n names of `utils.style.MODALITY_COLOURS` (text is
    drawn as a circle, a picture as a square, or as itself where `pictures[i]` is uint8 [3, height, width]). A point
    with `sounds[i]`, waveforms of -1 to 1, [samples] or [2, samples] at `sample_rate`, can be played. `chosen` is the
    point to begin with.

    With two modalities the map shows the `neighbours` nearest points; with more, as many of each modality, and each
    modality can be taken off the map.

    Near means, whichever is given: largest in `similarities` [n, n]; largest cosine of `embeddings` [n, d]; or, with
    neither, closest on the map itself, so that dragging a point changes its neighbours. With the first two the lines
    show what is near in the full space, however the map draws it. Each (i, j) of `pairs` is joined by a thin line.
    """

    title = "Map of the joint space"
    caption = (
        "Choose a point: lines lead to its nearest neighbours in the other modality. Drag points, drag the ground to "
        "move the map, zoom with the buttons."
    )
    still_size = (6.4, 4.2)
    _esm = script("joint_map.js")
    _data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        positions: Any,
        labels: Sequence[str],
        modalities: Sequence[str],
        *,
        similarities: Any = None,
        embeddings: Any = None,
        pictures: Mapping[int, Any] | None = None,
        pairs: Sequence[tuple[int, int]] = (),
        neighbours: int = 5,
        sounds: Mapping[int, Any] | None = None,
        sample_rate: int = 8000,
        chosen: int = 0,
        **kwargs,
    ):
        self.positions = np.asarray(positions, dtype=np.float32)
        count = len(self.positions)
        if self.positions.shape != (count, 2) or not 2 <= count <= 2000:
            raise ValueError(f"positions are [n, 2] with n from 2 to 2000, not {list(self.positions.shape)}")
        if len(labels) != count or len(modalities) != count:
            raise ValueError(
                f"{count} positions need {count} labels and modalities, not {len(labels)} and {len(modalities)}"
            )
        unknown = sorted(set(modalities) - set(MODALITY_COLOURS))
        if unknown:
            raise ValueError(f"the modalities are {', '.join(MODALITY_COLOURS)}; {', '.join(unknown)} is none of them")
        if similarities is not None and embeddings is not None:
            raise ValueError("give similarities or embeddings, not both")
        if similarities is not None and np.shape(similarities) != (count, count):
            raise ValueError(f"similarities are [{count}, {count}], not {list(np.shape(similarities))}")
        if embeddings is not None and (np.ndim(embeddings) != 2 or len(embeddings) != count):
            raise ValueError(f"embeddings are [{count}, d], not {list(np.shape(embeddings))}")
        if neighbours < 1:
            raise ValueError("a point needs at least one neighbour to show")
        for pair in pairs:
            if len(pair) != 2 or not all(0 <= i < count for i in pair):
                raise ValueError(f"a pair is two of the points 0 to {count - 1}, not {tuple(pair)}")
        self.labels, self.modalities = tuple(labels), tuple(modalities)
        self.pictures = {int(i): as_picture(picture, f"picture {i}") for i, picture in (pictures or {}).items()}
        if any(not 0 <= i < count for i in self.pictures):
            raise ValueError(f"pictures belong to points 0 to {count - 1}, not {sorted(self.pictures)}")
        self.pairs = [(int(i), int(j)) for i, j in pairs]
        self.sounds = {int(i): as_sound(sound, f"sound {i}") for i, sound in (sounds or {}).items()}
        if any(not 0 <= i < count for i in self.sounds):
            raise ValueError(f"sounds belong to points 0 to {count - 1}, not {sorted(self.sounds)}")
        if not 8000 <= sample_rate <= 96_000:
            raise ValueError(f"a browser plays from 8000 to 96000 samples a second, not {sample_rate}")
        if not 0 <= chosen < count:
            raise ValueError(f"the chosen point is one of 0 to {count - 1}, not {chosen}")
        used = [name for name in MODALITY_COLOURS if name in self.modalities]
        spec = {
            "labels": list(self.labels),
            "modalities": list(self.modalities),
            "colours": {name: MODALITY_COLOURS[name] for name in used},
            "markers": {name: MODALITY_MARKERS[name] for name in used},
            "neighbours": neighbours,
            "pairs": [list(pair) for pair in self.pairs],
            "sampleRate": sample_rate,
            "chosen": chosen,
        }
        super().__init__(spec=spec, **kwargs)
        self._data = {
            "positions": pack_floats(self.positions),
            "similarities": None if similarities is None else pack_floats(similarities),
            "embeddings": None if embeddings is None else pack_floats(embeddings),
            "pictures": [
                {"point": i, "height": p.shape[1], "width": p.shape[2], "rgb": p.transpose(1, 2, 0).tobytes()}
                for i, p in self.pictures.items()
            ],
            "sounds": [
                {"point": i, "channels": len(sound), "samples": pack_floats(sound)} for i, sound in self.sounds.items()
            ],
        }

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        axes = figure.subplots()
        for i, j in self.pairs:
            axes.plot(*self.positions[[i, j]].T, color="#9AA5B1", linewidth=0.6, zorder=1)
        names = [name for name in MODALITY_COLOURS if name in self.modalities]
        for name in names:
            chosen = np.array([modality == name for modality in self.modalities])
            axes.scatter(
                *self.positions[chosen].T, color=MODALITY_COLOURS[name], marker=MODALITY_MARKERS[name], s=30, label=name
            )
        from matplotlib.offsetbox import AnnotationBbox, OffsetImage

        for i, picture in self.pictures.items():
            image = OffsetImage(picture.transpose(1, 2, 0), zoom=18 / picture.shape[1], interpolation="nearest")
            frame = {"edgecolor": MODALITY_COLOURS[self.modalities[i]]}
            axes.add_artist(AnnotationBbox(image, self.positions[i], pad=0.1, bboxprops=frame))
        axes.legend(fontsize=8)
        axes.set(xticks=[], yticks=[])
        counts = " and ".join(f"{self.modalities.count(name)} points of modality {name}" for name in names)
        return f"a map of {counts}"


def as_sound(sound: Any, what: str = "a sound") -> np.ndarray:
    """Return `sound` as float32 [channels, samples], or raise ValueError saying what it is instead."""
    array = np.atleast_2d(np.asarray(sound, dtype=np.float32))
    if array.ndim != 2 or len(array) not in (1, 2) or not array.shape[1] or not np.abs(array).max() <= 1:
        raise ValueError(
            f"{what} is [samples] or [2, samples] of -1 to 1; this is {list(np.shape(sound))}, or holds other numbers"
        )
    return array
