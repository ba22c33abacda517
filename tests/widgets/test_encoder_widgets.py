"""The widgets of lesson 2.2, without a browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from utils.widgets import FrameScrubber, PointCloud, SpectrogramLab, UploadRecording

VIEW = "application/vnd.jupyter.widget-view+json"
TONE = np.sin(np.arange(2000) * 0.8).astype(np.float32)
VIDEO = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8), dtype=np.uint8)
CLOUD = np.random.default_rng(0).normal(size=(20, 3))


def halves(inputs):
    return np.full((len(inputs), 2), 0.5)


def scrubber(**changes):
    settings = {"alone": halves, "together": halves, "orders": {"backwards": [3, 2, 1, 0]}, **changes}
    return FrameScrubber({"one": (VIDEO, "left"), "two": (VIDEO[::-1], "right")}, ["left", "right"], **settings)


def widgets():
    return {
        "SpectrogramLab": SpectrogramLab({"a tone": TONE}, 8000),
        "PointCloud": PointCloud({"a cloud": (CLOUD, CLOUD[:, 0] > 0)}),
        "FrameScrubber": scrubber(),
        "UploadRecording": UploadRecording(lambda data: (VIDEO[0], "fine")),
    }


@pytest.mark.parametrize("name", list(widgets()))
def test_every_widget_displays_a_still_with_alternative_text(name):
    data, metadata = widgets()[name]._repr_mimebundle_()
    assert data[VIEW]["model_id"]
    assert np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB")).std() > 1
    alt = metadata["image/png"]["alt"]
    assert len(alt) > 10
    assert alt in data["text/plain"]


def test_models_are_asked_for_each_frame_alone_repeated_and_in_each_order():
    asked = []

    def together(videos):
        asked.append(np.asarray(videos))
        return halves(videos)

    scrubber(together=together)
    repeated, ordered = asked[:2]
    assert (repeated[2] == VIDEO[2]).all()
    assert (ordered[0] == VIDEO[::-1]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpectrogramLab({}, 8000), "at least one sound"),
        (lambda: SpectrogramLab({"a": TONE[:10]}, 8000), r"'a' is \[10\]"),
        (lambda: SpectrogramLab({"a": np.full(500, np.nan)}, 8000), "finite"),
        (lambda: SpectrogramLab({"a": TONE}, 8000, window=2), "a window has 4 to 128 ms"),
        (lambda: SpectrogramLab({"a": TONE}, 8000, mels=2), "8 to 128 bands"),
        (lambda: PointCloud({}), "at least one cloud"),
        (lambda: PointCloud({"a": (CLOUD[:, :2], CLOUD[:, 0] > 0)}), r"'a' is \[20, 2\]"),
        (lambda: PointCloud({"a": (CLOUD, CLOUD[:, 0])}), "says yes or no"),
        (lambda: PointCloud({"a": (CLOUD, CLOUD[:, 0] > 0)}, notes={"b": "?"}), "no cloud called b"),
        (lambda: scrubber(orders={}), "at least one video and one order"),
        (lambda: scrubber(orders={"odd": [0, 1, 2, 4]}), "'odd' is"),
        (lambda: scrubber(alone=lambda frames: np.zeros((1, 2))), r"finite shares, \[4, 2\]"),
        (lambda: FrameScrubber({"one": (VIDEO, "up")}, ["left"], alone=halves, together=halves, orders={"x": range(4)}),
         "up is none of the classes"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_recording_is_taken_and_what_is_none_is_refused():
    def hear(data):
        if data[:4] != b"RIFF":
            raise ValueError("this is no WAV file")
        return VIDEO[0], f"{len(data)} bytes"

    upload = UploadRecording(hear)
    assert upload.receive(b"RIFF and more", "mine.wav")["text"] == "13 bytes"
    with pytest.raises(ValueError, match="no WAV file"):
        upload.receive(b"Dear Sir")
