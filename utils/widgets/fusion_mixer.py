"""Mix what several modalities say, and see what each means alone and what all mean together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from utils.style import COLOUR_MAP
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats, pack_picture, pack_sound


@dataclass(frozen=True)
class Channel:
    """One modality of a mixer: its `name`, its options by label, and of which `kind` they are.

    "picture" is uint8 [3, height, width], "sound" a waveform with `rate` samples a second, "text" a string. `start` is
    the number of the option chosen at first.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    rate: float = 0
    start: int = 0

    KINDS: ClassVar[tuple[str, ...]] = ("picture", "sound", "text")

    def pack(self) -> dict[str, Any]:
        """Return the channel as it travels to the browser; ValueError says what is wrong with it."""
        if self.kind not in self.KINDS:
            raise ValueError(f"a channel is of kind {', '.join(self.KINDS)}; {self.kind!r} is none of them")
        if not self.options or not 0 <= self.start < len(self.options):
            raise ValueError(f"channel {self.name!r} has {len(self.options)} options, and begins with {self.start}")
        options = []
        for label, data in self.options.items():
            what = f"{self.name} {label!r}"
            if self.kind == "picture":
                packed = pack_picture(data, what)
            else:
                packed = pack_sound(data, self.rate, what) if self.kind == "sound" else {"text": str(data)}
            options.append({"label": label, **packed})
        return {"name": self.name, "kind": self.kind, "options": options, "start": self.start}


class FusionMixer(ScriptWidget):
    """Choose an option of each channel, or nothing, and read how likely each class is alone and fused.

    `shares` is [options + 1, ..., options + 1, classes], an axis for each of `channels` in order and the last index of
    each for its absence: what one model says of every mixture, each row summing to 1. What a channel says alone is the
    row in which all others are absent.
    """

    title = "Mix a face, a voice and words"
    caption = (
        "Choose what each of them says. Let two agree and one contradict: who wins? Then take one away, or all but "
        "one: what is left?"
    )
    still_size = (6.4, 3.2)
    _esm = script("fusion_mixer.js")

    def __init__(self, channels: Sequence[Channel], classes: Sequence[str], shares: Any, *, fused="all", **kwargs):
        self.channels, self.classes, self.fused = tuple(channels), tuple(classes), fused
        inputs = [channel.pack() for channel in self.channels]
        self.shares = np.asarray(shares, dtype=np.float32)
        wanted = (*(len(channel.options) + 1 for channel in self.channels), len(self.classes))
        if self.shares.shape != wanted:
            raise ValueError(
                f"the shares of these channels and classes are {list(wanted)}, not {list(self.shares.shape)}"
            )
        if not np.allclose(self.shares.sum(-1), 1, atol=1e-3):
            raise ValueError("every row of shares must sum to 1")
        spec = {
            "inputs": inputs,
            "classes": list(self.classes),
            "scores": pack_floats(self.shares),
            "fusedName": fused,
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw what is chosen at first as a table of shares, with the pictures and texts above."""
        chosen = [channel.start for channel in self.channels]
        nothing = [len(channel.options) for channel in self.channels]
        columns = [
            self.shares[tuple(start if i == j else nothing[j] for j, start in enumerate(chosen))]
            for i in range(len(chosen))
        ]
        table = np.stack([*columns, self.shares[tuple(chosen)]], axis=1)
        names = [*(f"{channel.name} alone" for channel in self.channels), self.fused]
        top, bottom = figure.subplots(2, 1, height_ratios=[1, 1.7])
        top.axis("off")
        for i, channel in enumerate(self.channels):
            data = list(channel.options.values())[channel.start]
            if channel.kind == "picture":
                inset = top.inset_axes([0.02 + i / len(names), 0, 0.2, 1])
                inset.imshow(as_picture(data).transpose(1, 2, 0), interpolation="nearest")
                inset.axis("off")
            else:
                said = data if channel.kind == "text" else f"a {channel.name}"
                top.text((i + 0.5) / len(names), 0.5, said, ha="center", va="center", fontsize=8, wrap=True)
        bottom.imshow(table, cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto")
        for (y, x), share in np.ndenumerate(table):
            bottom.text(
                x, y, f"{share:.2f}", ha="center", va="center", color="black" if share > 0.5 else "white", fontsize=8
            )
        bottom.set_xticks(range(len(names)), names, fontsize=8)
        bottom.set_yticks(range(len(self.classes)), self.classes, fontsize=8)
        return f"how likely each of {', '.join(self.classes)} is to {', '.join(names)}"
