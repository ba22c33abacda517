"""The viewer's views of sound, video, points and text; the shift player; the mixer: what they hold and refuse."""

from __future__ import annotations

import numpy as np
import pytest

from utils.widgets import Channel, FusionMixer, ModalityViewer, Panel, ShiftPlayer, scene_panels
from utils.world import RENDERINGS, sample_scenes

GREY = np.full((3, 32, 32), 128, dtype=np.uint8)
VIDEO = np.stack([GREY, GREY + np.uint8(40)] * 4)
SOUND = np.sin(np.arange(800) / 5).astype(np.float32)


def shift_player(**changes) -> ShiftPlayer:
    seen = np.array([[1, 0] * 4, [0, 1] * 4])
    settings = {"seen": seen, "rate": 10, "sample_rate": 1000, "truth": 1} | changes
    return ShiftPlayer(VIDEO, SOUND, names=("left one", "right one"), **settings)


def fusion_mixer(**changes) -> FusionMixer:
    channels = [
        Channel("face", "picture", {"happy": GREY, "sad": GREY}),
        Channel("voice", "sound", {"happy": SOUND}, 8000),
        Channel("words", "text", {"happy": "well done", "sad": "alas"}, start=1),
    ]
    settings = {"channels": channels, "classes": ("happy", "sad"), "shares": np.full((3, 2, 3, 2), 0.5)}
    return FusionMixer(**(settings | changes))


# ---- one scene in every modality


def test_every_modality_has_a_panel_with_its_shape_its_numbers_and_what_one_means():
    scenes = sample_scenes(1, seed=8, objects=(2, 2))
    panels = scene_panels(scenes)
    assert len(panels) == len(RENDERINGS)
    for panel, (name, modality) in zip(panels, RENDERINGS.items(), strict=True):
        numbers = modality.render(scenes)[0]
        assert panel.title.lower() == name.lower()
        assert panel.note == f"{list(numbers.shape)} {str(numbers.dtype)[6:]}. One number: {modality.unit}."
        assert list(panel.numbers.shape) == list(numbers.shape)
        assert panel.alt


def test_the_viewer_of_every_modality_has_a_still():
    viewer = ModalityViewer(scene_panels(sample_scenes(1, seed=8, objects=(2, 2))))
    png, alt = viewer.still()
    assert len(png) > 10_000
    assert "spoken caption" in alt


@pytest.mark.parametrize(
    ("kind", "data", "rate", "message"),
    [
        ("sound", np.array([0.0, 2.0]), 8000, "waveform of -1 to 1"),
        ("sound", np.zeros((3, 9)), 8000, r"\[samples\] or \[2, samples\]"),
        ("sound", np.zeros(0), 8000, "waveform"),
        ("sound", SOUND, 0, "needs its rate"),
        ("sound", np.array([np.nan, 0]), 8000, "finite"),
        ("video", GREY, 10, r"\[frames, 3, height, width\]"),
        ("video", VIDEO[:0], 10, "frames"),
        ("video", VIDEO, 0, "needs its rate"),
        ("points", np.zeros((0, 3)), 0, r"\[points, 3\]"),
        ("points", np.zeros((5, 4)), 0, r"\[points, 3\]"),
        ("points", np.full((5, 3), np.inf), 0, "finite"),
    ],
)
def test_a_view_that_cannot_be_shown_is_refused_in_words(kind, data, rate, message):
    with pytest.raises(ValueError, match=message):
        Panel("It", kind, data, rate=rate)


def test_numbers_of_no_number_are_refused():
    with pytest.raises(ValueError, match="are none"):
        Panel("It", "text", "nothing", numbers=np.zeros((0, 3)))


# ---- sound against picture


def test_the_player_goes_half_a_video_either_way_and_has_a_still():
    player = shift_player(shift=2, scores={0: 0.9, 4: 0.1})
    assert (player._spec["low"], player._spec["high"], player._spec["shift"]) == (-4, 4, 2)
    assert player._spec["scores"] == {"0": 0.9, "4": 0.1}
    png, alt = player.still()
    assert len(png) > 1000
    assert "left one" in alt


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth": 2}, "truth"),
        ({"shift": 5}, "-4 to 4"),
        ({"seen": np.zeros((2, 7))}, r"\[2, 8\]"),
    ],
)
def test_a_player_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        shift_player(**changes)


# ---- the mixer


def test_the_mixer_holds_every_mixture_and_has_a_still():
    mixer = fusion_mixer()
    assert len(mixer._spec["scores"]) == 4 * 3 * 2 * 3 * 2
    assert [channel["start"] for channel in mixer._spec["inputs"]] == [0, 0, 1]
    png, alt = mixer.still()
    assert len(png) > 1000
    assert "face alone" in alt


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shares": np.full((2, 2, 3, 2), 0.5)}, r"\[3, 2, 3, 2\]"),
        ({"shares": np.full((3, 2, 3, 2), 0.6)}, "sum to 1"),
        ({"channels": [Channel("smell", "smell", {"rose": 1})]}, "kind"),
        ({"channels": [Channel("face", "picture", {})]}, "0 options"),
        ({"channels": [Channel("words", "text", {"a": "b"}, start=1)]}, "begins with 1"),
    ],
)
def test_a_mixer_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        fusion_mixer(**changes)
