"""The panels of one scene: each modality as people take it in, and the numbers that a computer holds of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from utils.widgets.modality_viewer import Panel

if TYPE_CHECKING:
    from utils.world import Scenes


def scene_panels(scenes: Scenes) -> list[Panel]:
    """Return a panel for every modality of `RENDERINGS`, all of the first of `scenes`.

    The note below each says its shape, its kind of number and what one number means. A modality that has no view of
    its own here is shown as its numbers alone.
    """
    import torch

    from utils.world import RENDERINGS, describe

    panels = []
    for name, modality in RENDERINGS.items():
        numbers = modality.render(scenes[:1])[0]
        note = f"{list(numbers.shape)} {str(numbers.dtype).removeprefix('torch.')}. One number: {modality.unit}."
        title, alt = name[0].upper() + name[1:], f"{name} of {describe(scenes[0])}"
        if name in _VIEWS:
            kind, data, rate = _VIEWS[name](scenes[:1], numbers)
            panels.append(Panel(title, kind, data, note, alt, rate, numbers))
        else:
            panels.append(Panel(title, "array", torch.atleast_2d(numbers.flatten(0, -2)), note, alt))
    return panels


def _tokens(caption: str) -> tuple:
    from utils.world import VOCABULARY

    return "tokens", [(word, VOCABULARY.index(word)) for word in caption.split()], 0


def _text(scenes: Scenes, _numbers) -> tuple:
    from utils.world import describe

    return _tokens(describe(scenes[0]))


def _welsh(scenes: Scenes, _numbers) -> tuple:
    from utils.world import describe_in_welsh

    return _tokens(describe_in_welsh(scenes[0]))


def _program(scenes: Scenes, _numbers) -> tuple:
    from utils.world import render_programs

    return "text", render_programs(scenes)[0], 0


def _table(scenes: Scenes, _numbers) -> tuple:
    from utils.world import to_table

    return "table", to_table(scenes[0]).to_dict("records"), 0


def _picture(_scenes: Scenes, numbers) -> tuple:
    return "picture", numbers, 0


def _grey(low: float, high: float):
    """A view of a map of one channel as a grey picture, black at `low` and white at `high`."""

    def view(_scenes: Scenes, numbers) -> tuple:
        grey = np.clip(255 * (np.asarray(numbers, dtype=np.float64) - low) / (high - low), 0, 255)
        return "picture", np.repeat(grey.round().astype(np.uint8), 3, axis=0), 0

    return view


def _sweep(_scenes: Scenes, numbers) -> tuple:
    """The places, seen from above, at which the beams ended."""
    from utils.world.lidar import MAX_RANGE

    ranges = np.asarray(numbers) / MAX_RANGE
    angles = np.arange(len(ranges)) * 2 * np.pi / len(ranges)
    return "points", np.stack([ranges * np.cos(angles), ranges * np.sin(angles), 0 * ranges], axis=1), 0


def _points(scenes: Scenes, _numbers) -> tuple:
    from utils.world import render_points

    return "points", render_points(scenes, 1500, colour=True)[0], 0


def _sound(_scenes: Scenes, numbers) -> tuple:
    from utils.world import SAMPLE_RATE

    return "sound", numbers, SAMPLE_RATE


def _video(_scenes: Scenes, numbers) -> tuple:
    from utils.world.sound import SOUND_SECONDS

    return "video", numbers, len(numbers) / SOUND_SECONDS


_VIEWS = {
    "text": _text,
    "image": _picture,
    "structured": _table,
    "Welsh caption": _welsh,
    "sketch": _grey(0, 255),
    "depth map": _grey(32, 0),  # what is near is light
    "lidar sweep": _sweep,
    "touch map": _grey(0, 1),
    "point cloud": _points,
    "CAD program": _program,
    "spoken caption": _sound,
    "sound": _sound,
    "video": _video,
}
