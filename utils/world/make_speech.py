"""Make the spoken clips under assets/speech: `python -m utils.world.make_speech`. It takes espeak-ng and two minutes.

Nobody needs this to take the course, since the clips come with it. Whoever adds a word to the captions adds it to
`WORDS` here and makes the clips anew. espeak-ng is free software that speaks by rule (formant synthesis), so a voice is
a handful of numbers, and a few dozen of them differ in accent, timbre, pitch and speed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly
from tqdm.auto import tqdm

from utils.world.faces import EMOTIONS
from utils.world.speech import LEVELS, SAMPLE_RATE, SPEECH, Utterance, Voice, compress_loudness

WORDS = (
    # scenes and their captions
    "circle square triangle cross ring star red orange yellow green cyan blue purple black small large "
    "a an the in and of above below left right top bottom middle nothing "
    # what things do
    "moves grows shrinks spins bounces blinks up down is still "
    # numbers and short commands
    "zero one two three four five six seven eight nine ten yes no stop go show find draw more"
).split()
PHRASES = ("look at this", "there it is", "come over here")  # none of them says how the speaker feels

ACCENTS = (
    *("en-gb", "en-us", "en-029", "en-gb-scotland"),
    *("en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-us-nyc"),
)
# espeak-ng's timbres ("variants"); of one family, such as steph, steph2 and steph3, all stay on one side
TIMBRES = {
    "seen": "m1 m2 m3 m5 m6 m7 f1 f2 f4 croak whisper klatt2 "
    "Alicia Andy Denis Hugo Marco adam aunty boris grandpa linda pablo steph".split(),
    "held_out": "m4 m8 f3 f5 grandma Annie Lee Mario belinda david michel victor".split(),
}

# What an emotion does to a voice: pitch in espeak-ng's steps, the range of pitch, speed and loudness as factors, and
# the mark at the end, which bends the melody. Happiness, sadness and anger after Murray and Arnott 1993, "Toward the
# simulation of emotion in synthetic speech", table 1; surprise, which it leaves out, is higher, wider and rising.
PROSODY = {
    "neutral": (0, 1.0, 1.0, 1.0, "."),
    "happy": (12, 1.7, 1.05, 1.2, "!"),
    "sad": (-12, 0.4, 0.8, 0.6, "."),
    "angry": (18, 1.4, 1.1, 1.6, "!"),
    "surprised": (25, 2.2, 1.15, 1.2, "?"),
}
_AMPLITUDE = 70  # of espeak-ng's 0 to 200, for 1.0 above: 1.6 times that is not yet cut off
_RMS = 0.08  # of a voice's clips, on average
_INSTALL = (
    "making the clips takes espeak-ng: apt-get install espeak-ng, brew install espeak-ng, or the installer from "
    "https://github.com/espeak-ng/espeak-ng/releases; the course itself does not need it, the clips come with it"
)


def make_voices() -> list[Voice]:
    """Return the voices: every timbre once, with accents in turn and pitches and speeds spread over both splits."""
    voices = []
    for split, timbres in TIMBRES.items():
        for i, timbre in enumerate(timbres):
            # steps that share no factor with the number of timbres, so that pitch, speed and accent vary independently
            pitch, speed = 30 + (i * 7) % 12 * 3, 165 + (i * 5) % 12 * 5
            voices.append(Voice(f"{ACCENTS[i % len(ACCENTS)]}+{timbre}", pitch, speed, split))
    return voices


def espeak_version() -> str:
    """Return the version of espeak-ng on this machine; raise `FileNotFoundError`, saying how to get it, if none is."""
    if shutil.which("espeak-ng") is None:
        raise FileNotFoundError(_INSTALL)
    told = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d[\w.]*", told)[0]


def say(voice: Voice, utterance: Utterance) -> np.ndarray:
    """Return one utterance, float [samples] at `SAMPLE_RATE`, without the silence around it."""
    pitch, width, speed, loudness, mark = PROSODY[utterance.emotion]
    command = ["espeak-ng", "-v", voice.name, "-z", "-m", "--stdout"]
    command += ["-p", str(voice.pitch + pitch), "-s", str(round(voice.speed * speed))]
    command += ["-a", str(round(_AMPLITUDE * loudness))]
    text = f'<prosody range="{width:.0%}">{utterance.text}{mark}</prosody>'
    spoken = subprocess.run([*command, text], capture_output=True, check=True).stdout
    # a stream has no length in its header yet, so only what lies behind the header is read
    rate = int.from_bytes(spoken[24:28], "little")
    samples = np.frombuffer(spoken[44:], dtype="<i2") / 32768
    clip = resample_poly(samples, SAMPLE_RATE, rate)
    loud = np.flatnonzero(np.abs(clip) > 0.01 * np.abs(clip).max())
    margin = SAMPLE_RATE // 100
    return clip[max(0, loud[0] - margin) : loud[-1] + margin]


def make_archive(name: str, utterances: list[Utterance], voices: list[Voice], folder: Path = SPEECH) -> Path:
    """Write every utterance in every voice to `folder`/`name`.bin, with its manifest beside it, and return its path."""
    version = espeak_version()
    jobs = list(product(voices, utterances))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        spoken = list(tqdm(pool.map(lambda job: say(*job), jobs), total=len(jobs), desc=name, leave=False))
    # one loudness a voice, so that what is loud in one emotion and soft in another stays so
    for start in range(0, len(jobs), len(utterances)):
        row = slice(start, start + len(utterances))
        even = [clip for clip, (_, said) in zip(spoken[row], jobs[row], strict=True) if said.emotion == "neutral"]
        gain = _RMS / np.sqrt(np.mean(np.square(np.concatenate(even))))
        spoken[row] = [np.clip(gain * clip, -1, 1) for clip in spoken[row]]
    data = zlib.compress(compress_loudness(np.concatenate(spoken)).tobytes(), 9)
    manifest = {
        "command": "python -m utils.world.make_speech",
        "synthesizer": f"espeak-ng {version}",
        "sample_rate": SAMPLE_RATE,
        "levels": LEVELS,
        "sha256": hashlib.sha256(data).hexdigest(),
        "voices": [asdict(voice) for voice in voices],
        "utterances": [asdict(utterance) for utterance in utterances],
        "lengths": [len(clip) for clip in spoken],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.bin"
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps(manifest, separators=(",", ":")) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Make both archives: words, and phrases with emotion."""
    voices = make_voices()
    words = [Utterance(word, "neutral") for word in WORDS]
    feelings = [Utterance(phrase, emotion) for phrase in PHRASES for emotion in EMOTIONS]
    for name, utterances in (("words", words), ("emotions", feelings)):
        path = make_archive(name, utterances, voices)
        print(f"{path.name}: {len(voices)} voices, {len(utterances)} utterances, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
