"""A video and its sound, moved against one another in time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from utils.style import INK, MODALITY_COLOURS
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_sound, pack_video


class ShiftPlayer(ScriptWidget):
    """A video with sound, a slider that lets the sound come later or earlier, and what agrees with it then.

    `video` is uint8 [frames, 3, height, width] with `rate` frames a second; `sound`, [samples] or [2, samples] at
    `sample_rate`, lasts as long. `seen` is [things, frames], how much of each thing shows in each frame, and `truth`
    the number of the thing among `names` that makes the sound. The thing whose row correlates most with the loudness
    of the shifted sound is said to make it. `scores` maps a shift to the share of many scenes that are told rightly.
    """

    title = "Sound and picture, moved apart"
    caption = (
        "Play it: which of the two do you hear? Then let the sound come later, frame by frame. From where on would you "
        "name the other one? And at which shift does it fit again?"
    )
    still_size = (6.4, 2.8)
    _esm = script("shift_player.js")

    def __init__(
        self,
        video: Any,
        sound: Any,
        seen: Any,
        names: Sequence[str],
        truth: int,
        *,
        rate: float,
        sample_rate: float,
        shift: int = 0,
        scores: Mapping[int, float] | None = None,
        **kwargs,
    ):
        packed, heard = pack_video(video, rate), np.atleast_2d(np.asarray(sound))
        rows = np.asarray(seen, dtype=np.float64)
        frames = packed["frames"]
        if rows.shape != (len(names), frames) or not np.isfinite(rows).all():
            raise ValueError(f"seen is [things, frames], [{len(names)}, {frames}], not {list(rows.shape)}")
        if not 0 <= truth < len(names):
            raise ValueError(f"truth is the number of one of {len(names)} things, not {truth}")
        if heard.shape[1] < frames:
            raise ValueError(f"a sound of {heard.shape[1]} samples is too short for {frames} frames")
        reach = frames // 2
        if not -reach <= shift <= reach:
            raise ValueError(f"the shift goes from {-reach} to {reach} frames, not {shift}")
        self.seen, self.heard, self.names, self.shift = rows, heard, tuple(names), shift
        spec = {
            "video": packed,
            "sound": pack_sound(heard, sample_rate),
            "seen": rows.tolist(),
            "names": list(names),
            "truth": int(truth),
            "low": -reach,
            "high": reach,
            "shift": shift,
            "alt": f"a video of {' and '.join(names)}",
            "scores": {str(int(k)): float(v) for k, v in (scores or {}).items()},
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw how much of each thing shows, and how loud it is, frame by frame."""
        frames = self.seen.shape[1]
        moved = np.roll(self.heard, round(self.shift * self.heard.shape[1] / frames), axis=1)
        edges = np.linspace(0, moved.shape[1], frames + 1).round().astype(int)
        loud = [np.sqrt((moved[:, a:b] ** 2).mean()) for a, b in itertools.pairwise(edges)]
        rows = {**dict(zip(self.names, self.seen, strict=True)), "sound": np.array(loud)}
        for axes, (name, row) in zip(figure.subplots(len(rows), 1, sharex=True), rows.items(), strict=True):
            colour = MODALITY_COLOURS["audio" if name == "sound" else "image"]
            axes.bar(range(frames), row / max(row.max(), 1e-9), color=colour)
            axes.set_ylabel(name, rotation=0, ha="right", va="center", color=INK, fontsize=9)
            axes.set_yticks([])
            axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_xlabel("frame", fontsize=9)
        return f"how much of {' and of '.join(self.names)} shows in each frame, and below it how loud the sound is"
