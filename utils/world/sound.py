"""The sound of a scene: every object hums, and one hears what it is, how large, and on which side.

The shape makes the timbre, the size the pitch, `x` the side from which it comes and `depth` how loud it is. Given the
poses of the scene's video, the sound follows the motion: what grows hums lower and louder, what moves left is heard to
go left, what blinks falls silent. Nobody hears a colour or a height, so sound and picture each know what the other does
not.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.world.scenes import NEAREST, PICTURE_SIZE, SHAPES, SIZES, SOUNDS, Scenes
from utils.world.speech import SAMPLE_RATE

if TYPE_CHECKING:
    from utils.world.videos import Poses

SOUND_SECONDS = 0.8  # of one sound, and of the video that it belongs to: 8 frames of a tenth of a second
SAMPLES = round(SOUND_SECONDS * SAMPLE_RATE)
PITCH = dict(zip(SIZES, (440.0, 220.0), strict=True))  # hertz: an octave apart
# How loud the fundamental and each overtone is; no more of them, so that none passes half the sample rate.
TIMBRE = {
    "circle": (1.0,),  # a pure tone
    "square": (1.0, 0.0, 0.6, 0.0, 0.4),  # odd ones alone, as in a square wave: hollow
    "triangle": (1.0, 0.7),
    "cross": (0.6, 0.8, 1.0, 0.8, 0.6),  # a buzz
    "ring": (1.0, 0.0, 0.0, 0.8),  # two octaves apart: a chime
    "star": (0.2, 0.4, 0.6, 0.8, 1.0),  # bright
}
_LOUDNESS = 0.08  # peak of one near object, so that nine that grow stay within -1 to 1
_TABLE = 1024  # samples of one period
_FADE = 40  # samples in which a loudness changes: 5 ms, so that nothing clicks
_SCENES_AT_ONCE = 256  # bounds the memory that rendering takes


def render_sounds(scenes: Scenes, poses: Poses | None = None, *, seed: int = 0) -> Float[Tensor, "scenes 2 samples"]:
    """Return the sound of each scene in stereo, left and right, `SAMPLES` samples of -1 to 1.

    With `poses` (`utils.world.videos.pose`) the sound follows the video of those poses, each frame lasting an equal
    part of the time; without, everything stays as it is in the picture. `seed` draws at which point of its period each
    tone begins.

    Raises `ValueError` for poses of other scenes.
    """
    if poses is not None and poses.x.shape[:2] != scenes.shape.shape:
        raise ValueError(
            f"poses are of {list(poses.x.shape[:2])} scenes and slots, not of these, {list(scenes.shape.shape)}"
        )
    generator = torch.Generator().manual_seed(seed)
    begin = torch.rand(*scenes.shape.shape, 1, generator=generator)
    if poses is None:
        x, height, width = (values.unsqueeze(2).float() for values in (scenes.x, *[torch.ones_like(scenes.x)] * 2))
    else:
        x, height, width = poses.x, poses.height, poses.width
    # what cannot be seen has no height; its pitch does not matter, for it has no loudness either
    stretch = torch.where(height > 0, height, 1.0).rsqrt()
    pitch = torch.tensor([PITCH[size] for size in SIZES])[scenes.size].unsqueeze(2) * stretch
    loudness = _LOUDNESS * NEAREST / scenes.depth.clamp(min=NEAREST)  # falls with distance, as sound does
    side = x.clamp(0, PICTURE_SIZE - 1) / (PICTURE_SIZE - 1) * math.pi / 2
    # the squares of sine and cosine sum to one, so what moves past stays as loud
    gains = (loudness.unsqueeze(2) * width).unsqueeze(2) * torch.stack([side.cos(), side.sin()], dim=2)
    heard = (scenes.shape >= 0) & (scenes.sound != SOUNDS.index("silent"))
    sounds = torch.zeros(len(scenes), 2, SAMPLES)
    for slot in range(scenes.shape.shape[1]):
        for rows in heard[:, slot].nonzero().squeeze(1).split(_SCENES_AT_ONCE):
            tone = _tone(scenes.shape[rows, slot], pitch[rows, slot], begin[rows, slot])
            sounds[rows] += _stereo(tone, gains[rows, slot])[..., :SAMPLES]
    return sounds


def shift_sounds(
    sounds: Float[Tensor, "scenes 2 samples"], frames: int, *, of: int
) -> Float[Tensor, "scenes 2 samples"]:
    """Return each sound later by `frames` of a video of `of` frames (earlier, if negative); its end comes first.

    Nothing is lost and nothing added: only the alignment in time between sound and video changes.
    """
    if of < 1:
        raise ValueError(f"a video has at least one frame, not {of}")
    return sounds.roll(round(frames * sounds.shape[-1] / of), dims=-1)


def _tone(
    shape: Int[Tensor, " tones"], pitch: Float[Tensor, "tones frames"], begin: Float[Tensor, "tones 1"]
) -> Float[Tensor, "tones frames samples"]:
    """The tone of each shape at the pitch of each frame, in hertz; `begin` is the point of the period to begin at."""
    samples = torch.arange(-(-SAMPLES // pitch.shape[1]))  # of a frame; what is too many is cut off in the end
    turns = pitch / SAMPLE_RATE  # of the period, in one sample
    # where a new pitch begins, the phase goes on from where the old one has come to, or it would click
    before = begin + (turns * len(samples)).cumsum(1) - turns * len(samples)
    phase = before.unsqueeze(2) + turns.unsqueeze(2) * samples
    place = (phase * _TABLE).long() % _TABLE + (shape * _TABLE).view(-1, 1, 1)
    return _wavetables()[place]


def _stereo(
    tone: Float[Tensor, "tones frames samples"], gains: Float[Tensor, "tones 2 frames"]
) -> Float[Tensor, "tones 2 samples"]:
    """The tone on both sides, each frame as loud as its gain says, with a short fade from the frame before."""
    before = torch.cat([gains[..., :1], gains[..., :-1]], dim=2)
    fade = ((torch.arange(tone.shape[2]) + 1) / _FADE).clamp(max=1)
    gain = torch.lerp(before.unsqueeze(3), gains.unsqueeze(3), fade) if gains.shape[2] > 1 else gains.unsqueeze(3)
    return (tone.unsqueeze(1) * gain).flatten(2)


@functools.cache
def _wavetables() -> Float[Tensor, " shapes_table"]:
    """One period of each shape's tone, with a peak of 1, one after another."""
    phase = 2 * math.pi * torch.arange(_TABLE) / _TABLE
    tones = [sum(a * torch.sin((k + 1) * phase) for k, a in enumerate(TIMBRE[shape])) for shape in SHAPES]
    return torch.cat([tone / tone.abs().max() for tone in tones])
