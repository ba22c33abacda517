"""A learner's own recording: any WAV file as a waveform that the course's models take."""

from __future__ import annotations

import io
import math
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.speech import SAMPLE_RATE

MAX_SECONDS = 30.0  # of a recording: more than any caption takes, and what Whisper hears at once
MIN_SECONDS = 0.05
SILENCE = 1e-3  # the greatest sample of what counts as silent: 60 dB below full scale
RATES = (1000, 768_000)  # samples a second that a recorder may have used; any other number is a damaged header
_WHAT_TO_DO = "export it as WAV with any recorder or audio editor (Audacity does, under File > Export), and try again"


def load_recording(source: str | os.PathLike | bytes | memoryview) -> Float[Tensor, " samples"]:
    """Return a WAV file, given as its path or its bytes, as one channel of `SAMPLE_RATE` samples a second, -1 to 1.

    Whole numbers of 8 to 32 bits and fractions are read, at any rate; channels are averaged. A loudness above full
    scale, which fractions can have, is scaled down to it; how loud it is stays as it is otherwise.

    Raises `ValueError`, saying what to do, for a file that is empty, damaged or not a WAV file, and for a recording
    that is silent, longer than `MAX_SECONDS`, shorter than `MIN_SECONDS` or holds a number that is not finite;
    `FileNotFoundError` for a path that leads nowhere.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        name, data = "the recording", bytes(source)
    else:
        name, data = Path(source).name, Path(source).read_bytes()
    if not data:
        raise ValueError(f"{name} is empty (0 bytes): record it again")
    if data[:4] not in (b"RIFF", b"RIFX", b"RF64") or data[8:12] != b"WAVE":
        raise ValueError(f"{name} is not a WAV file: {_WHAT_TO_DO}")
    rate, samples = _read_wav(name, data)
    seconds = len(samples) / rate
    if seconds > MAX_SECONDS:
        raise ValueError(
            f"{name} is {seconds:.0f} seconds long, and at most {MAX_SECONDS:.0f} are heard: cut it and try again"
        )
    if seconds < MIN_SECONDS:
        raise ValueError(
            f"{name} is {1000 * seconds:.0f} ms long, too short for a sound, at least {1000 * MIN_SECONDS:.0f} ms are "
            "needed: record it again"
        )
    if not np.isfinite(samples).all():
        raise ValueError(f"{name} holds numbers that are not finite (NaN or infinite): {_WHAT_TO_DO}")
    mono = samples.mean(axis=1)
    if np.abs(mono).max() <= SILENCE:
        opposite = np.abs(samples).max() > SILENCE
        why = "its channels cancel each other out: record one channel" if opposite else "check the microphone"
        raise ValueError(f"{name} is silent: {why}, and try again")
    waveform = torch.from_numpy(_resample(mono, rate).astype(np.float32))
    return waveform / waveform.abs().max().clamp(min=1)


# What scipy's reader raises on files that are damaged in some way or other; a NameError where the samples are missing.
_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    NameError,
    TypeError,
    ValueError,
    struct.error,
)


def _read_wav(name: str, data: bytes) -> tuple[int, np.ndarray]:
    """The rate, and samples of -1 to 1 as [samples, channels]."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on chunks that hold no sound, such as the title
            rate, samples = wavfile.read(io.BytesIO(data))
    except _DAMAGE as error:
        raise ValueError(f"{name} is a damaged or unusual WAV file ({error}): {_WHAT_TO_DO}") from error
    if samples.size == 0 or not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"{name} has {samples.size} samples at {rate} Hz, so it is damaged: {_WHAT_TO_DO}")
    samples = samples.reshape(len(samples), -1)
    if samples.dtype == np.uint8:
        return rate, (samples.astype(np.float64) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return rate, samples / -float(np.iinfo(samples.dtype).min)
    return rate, samples.astype(np.float64)


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    from scipy.signal import resample_poly

    common = math.gcd(SAMPLE_RATE, rate)
    return resample_poly(samples, SAMPLE_RATE // common, rate // common)
