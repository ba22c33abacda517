"""The spoken caption of a scene: clips of single words, one after another, in one of many voices.

The clips were made once, by `utils.world.make_speech` with espeak-ng, and lie compressed under assets/speech. Voices
are split like shape-colour pairs are: those of the "held_out" split are never heard in training.
"""

from __future__ import annotations

import functools
import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.lessons import ASSETS
from utils.world.captions import describe
from utils.world.faces import EMOTIONS
from utils.world.scenes import Scene, Scenes
from utils.world.tokenizer import UnknownWordError, split_words

SPEECH = ASSETS / "speech"
SAMPLE_RATE = 8000  # samples a second, of all sound in the course: that of a telephone, which words survive
LEVELS = 49  # that a stored sample may have, 0 among them: noise 23 dB below the voice, 4.3 kB a second compressed
WORD_SECONDS = 0.8  # room for one word, of any voice
PAUSE = (0.03, 0.09)  # seconds between two words: the least and the greatest
_MU = 255  # of mu-law, as in G.711
_RESTORE = (
    "restore assets/speech from the course's repository (git checkout -- assets/speech, or download the course again), "
    "or make the clips anew with espeak-ng: python -m utils.world.make_speech"
)


class SpeechArchiveError(Exception):
    """The archive of clips is missing, cut short or altered; the message says which and what to do."""


@dataclass(frozen=True)
class Voice:
    """One speaker: espeak-ng's accent+timbre, pitch (0 to 99), speed in words a minute, and "seen" or "held_out"."""

    name: str
    pitch: int
    speed: int
    split: str


@dataclass(frozen=True)
class Utterance:
    """What one clip says, and with which of `EMOTIONS`."""

    text: str
    emotion: str


@dataclass(frozen=True)
class Clips:
    """The decoded clips of one archive, end to end in `samples`: voice after voice, each with all utterances."""

    voices: tuple[Voice, ...]
    utterances: tuple[Utterance, ...]
    samples: Float[Tensor, " samples"]
    starts: Int[Tensor, "voices utterances"]
    lengths: Int[Tensor, "voices utterances"]

    def clip(self, voice: int, utterance: int) -> Float[Tensor, " samples"]:
        """Return one clip."""
        start = self.starts[voice, utterance]
        return self.samples[start : start + self.lengths[voice, utterance]]

    def voices_of(self, split: str) -> list[int]:
        """Return the numbers of the voices of a split: "seen", "held_out" or "all"."""
        if split not in ("seen", "held_out", "all"):
            raise ValueError(f'voices must be "seen", "held_out", "all" or names of voices, not {split!r}')
        return [i for i, voice in enumerate(self.voices) if split in (voice.split, "all")]

    def padded(self, voices: Sequence[int], samples: int) -> Float[Tensor, "voices utterances samples"]:
        """Return all clips of some voices, each followed by silence or cut so that it has `samples` samples."""
        batch = torch.zeros(len(voices), len(self.utterances), samples)
        for row, voice in enumerate(voices):
            for column in range(len(self.utterances)):
                clip = self.clip(voice, column)[:samples]
                batch[row, column, : len(clip)] = clip
        return batch


@dataclass(frozen=True)
class SpokenWords:
    """Single words: row i of `waveforms` says word `labels[i]` of `words` in the voice `voices[i]`."""

    waveforms: Float[Tensor, "clips samples"]
    labels: Int[Tensor, " clips"]
    voices: list[str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class SpokenEmotions:
    """Phrases with emotion: row i of `waveforms` says `phrases[i]` as `EMOTIONS[labels[i]]` in the voice `voices[i]`.

    The emotion is prosody by rule (pitch, its range, speed and loudness: `make_speech.PROSODY`), not an actor's.
    """

    waveforms: Float[Tensor, "clips samples"]
    labels: Int[Tensor, " clips"]
    voices: list[str]
    phrases: list[str]


@dataclass(frozen=True)
class Speech:
    """Spoken captions, -1 to 1: row i of `waveforms` holds `lengths[i]` samples in voice `voices[i]`, then silence."""

    waveforms: Float[Tensor, "captions samples"]
    lengths: Int[Tensor, " captions"]
    voices: list[str]


def compress_loudness(samples: np.ndarray) -> np.ndarray:
    """Return samples of -1 to 1 as one of `LEVELS` whole numbers, finer where it is quiet (mu-law, ITU-T G.711)."""
    loudness = np.sign(samples) * np.log1p(_MU * np.abs(samples)) / np.log1p(_MU)
    return ((loudness + 1) / 2 * (LEVELS - 1)).round().astype(np.uint8)


def expand_loudness(codes: np.ndarray) -> np.ndarray:
    """Return the samples, float32, that `compress_loudness` turned into `codes`."""
    loudness = np.arange(LEVELS) / (LEVELS - 1) * 2 - 1
    table = np.sign(loudness) * np.expm1(np.abs(loudness) * np.log1p(_MU)) / _MU
    return table.astype(np.float32)[codes]


@functools.cache
def load_clips(name: str, folder: Path = SPEECH) -> Clips:
    """Return the clips of an archive, "words" or "emotions".

    Raises `SpeechArchiveError`, saying how to restore it, if the archive or its manifest is missing, cut short, altered
    or made for another version of this file.
    """
    path, manifest_path = folder / f"{name}.bin", folder / f"{name}.json"
    for needed in (path, manifest_path):
        if not needed.exists():
            raise SpeechArchiveError(f"{needed.name} is missing: {_RESTORE}")
    data = path.read_bytes()
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        sha256, coding = manifest["sha256"], (manifest["sample_rate"], manifest["levels"])
        voices = tuple(Voice(**voice) for voice in manifest["voices"])
        utterances = tuple(Utterance(**utterance) for utterance in manifest["utterances"])
        lengths = torch.tensor(manifest["lengths"], dtype=torch.long).view(len(voices), len(utterances))
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise SpeechArchiveError(f"{manifest_path.name} cannot be read ({error!r}): {_RESTORE}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SpeechArchiveError(f"{path.name} is cut short or altered, as its sha256 in the manifest says: {_RESTORE}")
    if coding != (SAMPLE_RATE, LEVELS):
        raise SpeechArchiveError(
            f"{path.name} has {coding[0]} samples a second of {coding[1]} levels, and this version of the course reads "
            f"{SAMPLE_RATE} of {LEVELS}: {_RESTORE}"
        )
    samples = torch.from_numpy(expand_loudness(np.frombuffer(zlib.decompress(data), dtype=np.uint8)))
    if len(samples) != int(lengths.sum()):
        raise SpeechArchiveError(f"{manifest_path.name} is not the manifest of {path.name}: {_RESTORE}")
    starts = (lengths.flatten().cumsum(0) - lengths.flatten()).view_as(lengths)
    return Clips(voices, utterances, samples, starts, lengths)


def spoken_words(voices: str = "seen", words: Sequence[str] | None = None) -> SpokenWords:
    """Return single words, each in every voice of a split, in `WORD_SECONDS` each.

    `words` are those wanted, in the order of the labels; left out, all that there are clips of.

    Raises `UnknownWordError` for a word without a clip.
    """
    clips = load_clips("words")
    known = _words(clips)
    words = tuple(known) if words is None else tuple(words)
    _check_words(words, known)
    rows = clips.voices_of(voices)
    waveforms = clips.padded(rows, round(WORD_SECONDS * SAMPLE_RATE))[:, [known[word] for word in words]]
    names = [clips.voices[row].name for row in rows for _ in words]
    return SpokenWords(waveforms.flatten(0, 1), torch.arange(len(words)).repeat(len(rows)), names, words)


def spoken_emotions(voices: str = "seen") -> SpokenEmotions:
    """Return phrases that say nothing of a feeling, each with every emotion in every voice of a split."""
    clips = load_clips("emotions")
    rows = clips.voices_of(voices)
    waveforms = clips.padded(rows, int(clips.lengths.max())).flatten(0, 1)
    labels = torch.tensor([EMOTIONS.index(said.emotion) for said in clips.utterances]).repeat(len(rows))
    names = [clips.voices[row].name for row in rows for _ in clips.utterances]
    return SpokenEmotions(waveforms, labels, names, [said.text for _ in rows for said in clips.utterances])


def render_speech(
    captions: Scenes | Iterable[Scene] | Iterable[str] | str, *, voices: str | Sequence[str] = "seen", seed: int = 0
) -> Speech:
    """Return captions, or the captions of scenes, spoken: word after word with short pauses, one voice a caption.

    `voices` is a split, "seen", "held_out" or "all", or names of voices to choose from; `seed` draws the voice of each
    caption and its pauses. Rows are as long as the longest caption.

    Raises `UnknownWordError` for words without a clip, and `ValueError` for a caption without words or a voice that
    is not there.
    """
    clips = load_clips("words")
    known = _words(clips)
    captions = [captions] if isinstance(captions, str) else list(captions)
    texts = [split_words(said if isinstance(said, str) else describe(said)) for said in captions]
    for text in texts:
        if not text:
            raise ValueError("a caption without words cannot be spoken: give at least one word")
        _check_words(text, known)
    rows = clips.voices_of(voices) if isinstance(voices, str) else _named(clips, voices)
    generator = np.random.default_rng(seed)
    chosen = generator.choice(rows, len(texts))
    most = max(map(len, texts), default=1)
    pauses = (generator.uniform(*PAUSE, (len(texts), most)) * SAMPLE_RATE).astype(int)

    places, lengths = [], []
    for row, (text, voice) in enumerate(zip(texts, chosen, strict=True)):
        columns = [known[word] for word in text]
        sizes = clips.lengths[voice, columns].numpy()
        ends = np.cumsum(sizes + pauses[row, : len(text)]) - pauses[row, : len(text)]
        places.append(zip(clips.starts[voice, columns].tolist(), (ends - sizes).tolist(), sizes.tolist(), strict=True))
        lengths.append(int(ends[-1]))
    waveforms = np.zeros((len(texts), max(lengths, default=0)), dtype=np.float32)
    samples = clips.samples.numpy()
    for row, words in enumerate(places):
        for source, begin, size in words:
            waveforms[row, begin : begin + size] = samples[source : source + size]
    names = [clips.voices[voice].name for voice in chosen]
    return Speech(torch.from_numpy(waveforms), torch.tensor(lengths, dtype=torch.long), names)


def perturb(
    waveforms: Float[Tensor, "clips samples"],
    *,
    seed: int,
    speed: float = 0.15,
    delay: float = 0.05,
    noise: float = 0.01,
) -> Float[Tensor, "clips samples"]:
    """Return the clips as other people might have said them elsewhere, to make few voices into many.

    Each is played up to the share `speed` faster or slower, which moves pitch and timbre too (speed perturbation, Ko et
    al. 2015, "Audio augmentation for speech recognition"), begins up to `delay` seconds later, and has white noise of
    a standard deviation of up to `noise` added. Clips keep their number of samples.
    """
    number, length = waveforms.shape
    generator = torch.Generator().manual_seed(seed)
    speeds, delays, noises = torch.rand(3, number, 1, generator=generator)
    place = (torch.arange(length) - delays * delay * SAMPLE_RATE) * (1 + speed * (2 * speeds - 1))
    before = place.floor().long().clamp(0, length - 2)
    faster = torch.lerp(waveforms.gather(1, before), waveforms.gather(1, before + 1), (place - before).clamp(0, 1))
    faster *= (place >= 0) & (place <= length - 1)
    return faster + noise * noises * torch.randn(number, length, generator=generator)


def _words(clips: Clips) -> dict[str, int]:
    return {said.text: i for i, said in enumerate(clips.utterances)}


def _check_words(words: Iterable[str], known: Iterable[str]) -> None:
    unknown = list(dict.fromkeys(word for word in words if word not in known))
    if unknown:
        raise UnknownWordError(
            f"there is no clip of {', '.join(map(repr, unknown))}; the words that can be spoken are {', '.join(known)}"
        )


def _named(clips: Clips, names: Sequence[str]) -> list[int]:
    known = {voice.name: i for i, voice in enumerate(clips.voices)}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f"no voice is called {', '.join(unknown) or 'that'}; the voices are {', '.join(known)}")
    return [known[name] for name in names]
