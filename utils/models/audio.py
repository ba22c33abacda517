"""The audio encoder: a waveform becomes a log-mel spectrogram, and a Transformer reads that from left to right.

Radford et al. 2023, "Robust speech recognition via large-scale weak supervision" (Whisper), section 2.2: two small
convolutions, the second of which halves the number of steps in time, sinusoidal positions, and pre-norm blocks. The
spectrogram of Whisper is `log_mel(waveforms, WHISPER)`; the course's own is smaller in every way.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from utils.models.blocks import Block, initialise


@dataclass(frozen=True)
class MelConfig:
    """How sound becomes a picture: samples a second, samples in a window and between two, and bands of pitch."""

    sample_rate: int = 8000
    window: int = 256  # 32 ms: long enough to tell the pitches of a voice apart
    hop: int = 80  # 10 ms: short enough for the p of "purple"
    mels: int = 40


WHISPER = MelConfig(sample_rate=16_000, window=400, hop=160, mels=80)


def to_mel(hertz: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return frequencies in mel, whose steps sound equal (Slaney 1998: linear up to 1 kHz, then logarithmic)."""
    return torch.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * (hertz.clamp(min=1e-9) / 1000).log() / math.log(6.4))


def to_hertz(mel: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return the frequencies of which `to_mel` gives `mel`."""
    return torch.where(mel < 15, mel * 200 / 3, 1000 * ((mel - 15) * math.log(6.4) / 27).exp())


@functools.cache
def mel_filters(config: MelConfig) -> Float[Tensor, "mels bins"]:
    """Return how much of each frequency each band takes in: triangles, equally far apart in mel, of equal area.

    In float64, since the edges of narrow triangles are small differences of large numbers.
    """
    bins = torch.linspace(0, config.sample_rate / 2, config.window // 2 + 1, dtype=torch.float64)
    highest = to_mel(bins[-1:]).item()
    edges = to_hertz(torch.linspace(0, highest, config.mels + 2, dtype=torch.float64))
    low, middle, high = (edges[i : i + config.mels].unsqueeze(1) for i in range(3))
    triangles = torch.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clamp(min=0)
    return triangles * 2 / (high - low)


def mel_power(
    waveforms: Float[Tensor, "*batch samples"], config: MelConfig = MelConfig()
) -> Float[Tensor, "*batch mels frames"]:
    """Return the power in each band of pitch, a column for every `hop` samples, before the logarithm.

    Raises `ValueError` for waveforms too short to have a column or to be mirrored at their ends.
    """
    shortest = max(config.hop, config.window // 2 + 1)
    if waveforms.shape[-1] < shortest:
        raise ValueError(f"a waveform must have at least {shortest} samples, not {waveforms.shape[-1]}; pad it")
    window = torch.hann_window(config.window, dtype=waveforms.dtype, device=waveforms.device)
    flat = waveforms.reshape(-1, waveforms.shape[-1])
    spectrum = torch.stft(flat, config.window, config.hop, window=window, return_complex=True)[..., :-1]
    power = spectrum.real.square() + spectrum.imag.square()
    mel = mel_filters(config).to(power) @ power.contiguous()
    return mel.view(*waveforms.shape[:-1], *mel.shape[1:])


def log_mel(
    waveforms: Float[Tensor, "*batch samples"], config: MelConfig = MelConfig()
) -> Float[Tensor, "*batch mels frames"]:
    """Return the log-mel spectrogram: how loud each band of pitch is, a column for every `hop` samples.

    `waveforms` lie between -1 and 1. Power is given in powers of ten, what is 80 dB below a clip's loudest cell is cut
    off, and the range is shifted and scaled as in Whisper's code, so that loud lies near 1 and silence at -1.5.
    """
    loudness = mel_power(waveforms, config).clamp(min=1e-10).log10()
    loudest = loudness.amax(dim=(-2, -1), keepdim=True)
    return (torch.maximum(loudness, loudest - 8) + 4) / 4


def griffin_lim(
    mel: Float[Tensor, "*batch mels frames"], config: MelConfig = MelConfig(), *, iterations: int = 32, seed: int = 0
) -> Float[Tensor, "*batch samples"]:
    """Return waveforms whose log-mel spectrogram is about `mel`, which makes any spectrogram heard.

    The bands are spread over frequencies again by least squares. A spectrogram holds no phases: they begin at random
    and are made to agree with one another, by going to the waveform and back (Griffin and Lim 1984, section IV) with
    the momentum of Perraudin et al. 2013, "A fast Griffin-Lim algorithm".
    """
    power = 10 ** (4 * mel.reshape(-1, *mel.shape[-2:]) - 4)
    loudness = (torch.linalg.pinv(mel_filters(config).to(mel)) @ power).clamp(min=0).sqrt()
    loudness = F.pad(loudness, (0, 1), mode="replicate")  # the last column, which `mel_power` leaves out
    window = torch.hann_window(config.window, dtype=mel.dtype, device=mel.device)
    samples = mel.shape[-1] * config.hop
    angles = 2 * math.pi * torch.rand(loudness.shape, generator=torch.Generator().manual_seed(seed))
    phases, before = torch.polar(torch.ones_like(loudness), angles.to(mel)), 0

    def waveform() -> Tensor:
        return torch.istft(loudness * phases, config.window, config.hop, window=window, length=samples)

    for _ in range(iterations):
        spectrum = torch.stft(waveform(), config.window, config.hop, window=window, return_complex=True)
        ahead, before = spectrum + 0.99 * (spectrum - before), spectrum
        phases = ahead / ahead.abs().clamp(min=1e-8)
    return waveform().view(*mel.shape[:-2], samples)


@dataclass(frozen=True)
class AudioConfig:
    """Sizes of an audio encoder; `frames` is the greatest number of columns that a spectrogram may have."""

    mels: int = 40
    frames: int = 400
    width: int = 96
    depth: int = 2
    heads: int = 4
    hidden: int = 384


def sinusoids(length: int, width: int) -> Float[Tensor, "length width"]:
    """Return positions as sines, then cosines, of wavelengths from 2 pi to 20,000 pi (Vaswani et al. 2017, 3.5)."""
    if width < 4 or width % 2:
        raise ValueError(f"width must be even and at least 4 for sines and cosines, not {width}")
    frequencies = torch.exp(-math.log(10_000) / (width // 2 - 1) * torch.arange(width // 2))
    angles = torch.arange(length).unsqueeze(1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class AudioEncoder(nn.Module):
    """A log-mel spectrogram in, one vector for every second column out, normalised.

    As in Whisper there is no mask: a clip is padded with silence, which the model hears as silence.
    """

    def __init__(self, config: AudioConfig):
        super().__init__()
        self.config = config
        self.conv_1 = nn.Conv1d(config.mels, config.width, kernel_size=3, padding=1)
        self.conv_2 = nn.Conv1d(config.width, config.width, kernel_size=3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids((config.frames + 1) // 2, config.width), persistent=False)
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.hidden) for _ in range(config.depth))
        self.norm_out = nn.LayerNorm(config.width)
        initialise(self)

    def forward(self, mel: Float[Tensor, "batch mels frames"]) -> Float[Tensor, "batch positions width"]:
        """Return a vector for every second column of the spectrogram, which knows of all others."""
        if mel.ndim != 3 or mel.shape[1] != self.config.mels or not 1 <= mel.shape[2] <= self.config.frames:
            raise ValueError(
                f"this audio encoder takes spectrograms of shape [batch, {self.config.mels}, frames], at most "
                f"{self.config.frames} frames long, not {list(mel.shape)}"
            )
        x = F.gelu(self.conv_2(F.gelu(self.conv_1(mel))))
        x = rearrange(x, "b width n -> b n width")
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.norm_out(x)


class AudioClassifier(nn.Module):
    """An audio encoder that names what it hears: the mean over time, and a linear layer on that."""

    def __init__(self, config: AudioConfig, classes: int):
        super().__init__()
        self.encoder = AudioEncoder(config)
        self.head = nn.Linear(config.width, classes)
        initialise(self.head)

    def forward(self, mel: Float[Tensor, "batch mels frames"]) -> Float[Tensor, "batch classes"]:
        """Return a score for each class."""
        return self.head(self.encoder(mel).mean(dim=1))


@dataclass(frozen=True)
class WaveformClassifierConfig:
    """How sound becomes a spectrogram, the sizes of the encoder that reads it, and the names of the classes."""

    mel: MelConfig
    encoder: AudioConfig
    classes: tuple[str, ...]

    def __post_init__(self):
        if self.mel.mels != self.encoder.mels:
            raise ValueError(f"mel has {self.mel.mels} bands and encoder takes {self.encoder.mels}: make them equal")


class WaveformClassifier(nn.Module):
    """All the way from a waveform to a score for each class: log-mel spectrogram, encoder, classifier."""

    def __init__(self, config: WaveformClassifierConfig):
        super().__init__()
        self.config = config
        self.classifier = AudioClassifier(config.encoder, len(config.classes))

    def forward(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch classes"]:
        """Return a score for each class; `waveforms` lie between -1 and 1."""
        return self.classifier(log_mel(waveforms, self.config.mel))
