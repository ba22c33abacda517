"""A sound, a window that slides over it, and the spectrogram that it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from utils.style import COLOUR_MAP, INK
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_floats

LONGEST = 16_000  # samples of one sound: its script works them out anew at each move
SHORTEST = 400


class SpectrogramLab(ScriptWidget):
    """Sounds by name, each [samples] from -1 to 1 at `rate` samples a second, and sliders for window and hop, in ms.

    The spectrogram is worked out anew at each move, in frequencies or in `mels` bands of mel, with or without the
    logarithm. Beside it stands what the window hears at one moment, which can be dragged along the sound.
    """

    title = "Window and spectrogram"
    caption = (
        "Choose the two tones, and make the window long enough to see two lines; then the two clicks, and make it "
        "short enough to see two strokes. Can one window do both? Drag the moment along the sound."
    )
    still_size = (6.4, 4.0)
    _esm = script("spectrogram.js")
    _data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        sounds: Mapping[str, Any],
        rate: int,
        *,
        window: float = 32.0,
        hop: float = 8.0,
        mels: int = 40,
        **kwargs,
    ):
        if not sounds:
            raise ValueError("there must be at least one sound")
        if not 4 <= window <= 128 or not 2 <= hop <= 64:
            raise ValueError(f"a window has 4 to 128 ms and a hop 2 to 64, not {window:g} and {hop:g}")
        if not 8 <= mels <= 128:
            raise ValueError(f"there are from 8 to 128 bands of mel, not {mels}")
        self.sounds = {name: np.asarray(samples, dtype=np.float32) for name, samples in sounds.items()}
        for name, samples in self.sounds.items():
            if samples.ndim != 1 or not SHORTEST <= len(samples) <= LONGEST:
                raise ValueError(
                    f"a sound is [samples], {SHORTEST} to {LONGEST} of them; {name!r} is {list(samples.shape)}"
                )
        self.rate, self.window, self.hop = rate, window, hop
        super().__init__(spec={"rate": rate, "window": window, "hop": hop, "mels": mels}, **kwargs)
        self._data = {"sounds": [{"name": name, "samples": pack_floats(s)} for name, s in self.sounds.items()]}

    def draw_still(self, figure) -> str:
        """Draw the first sound, as the widget does at first."""
        name, samples = next(iter(self.sounds.items()))
        size, hop = round(self.window * self.rate / 1000), max(1, round(self.hop * self.rate / 1000))
        seconds = len(samples) / self.rate
        padded = np.pad(samples, size)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)
        starts = [round(begin + hop / 2 - size / 2) + size for begin in range(0, len(samples), hop)]
        power = np.stack([np.abs(np.fft.rfft(padded[i : i + size] * window, 1024)) ** 2 for i in starts], axis=1)
        loudness = np.log10(np.maximum(power, 1e-8 * max(power.max(), 1e-12)))
        wave, picture = figure.subplots(2, 1, height_ratios=[1, 3.2], sharex=True)
        wave.plot(np.arange(len(samples)) / self.rate, samples, color=INK, linewidth=0.6)
        wave.axis("off")
        picture.imshow(
            loudness, origin="lower", aspect="auto", cmap=COLOUR_MAP, extent=(0, seconds, 0, self.rate / 2000)
        )
        picture.set(xlabel="seconds", ylabel="kHz")
        return (
            f"the waveform of {name} above its spectrogram of {len(starts)} columns, made by a window of "
            f"{self.window:g} ms"
        )
