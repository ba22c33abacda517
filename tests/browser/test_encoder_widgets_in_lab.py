"""The widgets of lesson 2.2 in a real JupyterLab: moved by mouse and by keyboard, alive without Python, accessible."""

from __future__ import annotations

import io
import re

import pytest
from harness import changes, slide, wait_for

CELL = """
import numpy as np
from utils.widgets import FrameScrubber, PointCloud, SpectrogramLab, UploadRecording

time = np.arange(4000) / 8000
clicks = np.zeros(4000)
clicks[[1600, 1720]] = 1
sounds = {"two tones": np.sin(2 * np.pi * 1000 * time) + np.sin(2 * np.pi * 1060 * time), "two clicks": clicks}
rng = np.random.default_rng(0)
cloud = rng.normal(size=(60, 3)) / 2
frames = np.full((4, 3, 32, 32), 230, dtype=np.uint8)
for i in range(4):
    frames[i, :, 12:20, 4 + 6 * i : 12 + 6 * i] = 40

def alone(frames):
    return np.full((len(frames), 2), 0.5)

def together(videos):
    forwards = np.asarray(videos)[:, 0, 0, 15, 7] == 40
    return np.stack([np.where(forwards, 0.1, 0.9), np.where(forwards, 0.9, 0.1)], axis=1)

def hear(data):
    if data[:4] != b"RIFF":
        raise ValueError("this is no WAV file")
    return frames[0], f"{len(data)} bytes"

display(
    SpectrogramLab(sounds, 8000),
    PointCloud({"a cloud": (cloud, cloud[:, 0] > 0.5), "another": (cloud[:30], cloud[:30, 1] > 0)}),
    FrameScrubber(
        {"one": (frames, "moves right"), "two": (frames[::-1].copy(), "moves left")},
        ["moves left", "moves right"],
        alone=alone,
        together=together,
        orders={"as filmed": range(4), "backwards": [3, 2, 1, 0]},
    ),
)
UploadRecording(hear)
"""
TITLES = ["Window and spectrogram", "Point cloud", "Frame by frame", "Your own voice"]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, title, theme):
    notebook.theme(dark=theme == "dark")
    widget = notebook.widget(title)
    assert notebook.axe(widget) == []
    notebook.screenshot(f"{re.sub('[^a-z]+', '_', title.lower())}_{theme}", widget)


def test_a_longer_window_has_finer_tones_and_a_shorter_hop_more_columns(notebook):
    widget = notebook.widget("Window and spectrogram")
    said, canvas = widget.locator(".course-text"), widget.locator("canvas")
    wait_for(said, "^63 columns of 256 frequencies. Within a window of 32 ms, tones closer than about 63 Hz")
    assert changes(notebook, canvas, lambda: slide(widget.get_by_label("Window", exact=True), 400))
    wait_for(said, "window of 128 ms, tones closer than about 16 Hz")
    assert changes(notebook, canvas, lambda: slide(widget.get_by_label("Hop", exact=True), 0))
    wait_for(said, "^250 columns")


def test_the_spectrogram_changes_with_sound_rows_logarithm_and_moment(notebook):
    widget = notebook.widget("Window and spectrogram")
    canvas = widget.locator("canvas")
    for act in (
        lambda: widget.get_by_label("Sound").select_option("two clicks"),
        lambda: widget.get_by_label("mel bands").check(),
        lambda: widget.get_by_label("logarithm").uncheck(),
        lambda: widget.get_by_label("Moment").press("ArrowRight"),
    ):
        assert changes(notebook, canvas, act)
    wait_for(widget.locator(".course-text"), "40 mel bands")
    assert "two clicks" in canvas.get_attribute("aria-label")
    box = canvas.bounding_box()
    before = widget.get_by_label("Moment").input_value()
    notebook.page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 30)
    assert widget.get_by_label("Moment").input_value() != before
    widget.get_by_role("button", name="Play").click()


def test_a_cloud_turns_by_drag_by_keys_and_by_slider_and_hides_what_is_not_critical(notebook):
    widget = notebook.widget("Point cloud")
    canvas = widget.locator(".course-map canvas")
    wait_for(widget.locator(".course-text"), r"^\d+ of 60 points are critical\.$")

    def drag():
        box = canvas.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        notebook.page.mouse.move(x, y)
        notebook.page.mouse.down()
        notebook.page.mouse.move(x + 60, y + 30, steps=4)
        notebook.page.mouse.up()

    assert changes(notebook, canvas, drag)
    widget.locator(".course-map").focus()
    assert changes(notebook, canvas, lambda: notebook.page.keyboard.press("ArrowLeft"))
    assert changes(notebook, canvas, lambda: slide(widget.get_by_label("Tip", exact=True), 45))
    assert changes(notebook, canvas, lambda: widget.get_by_label("only the critical points").check())
    assert "60 points" not in canvas.get_attribute("aria-label")
    widget.get_by_label("Cloud", exact=True).select_option("another")
    wait_for(widget.locator(".course-text"), r"of 30 points are critical\.$")


def test_frames_move_and_their_order_decides_what_all_of_them_say(notebook):
    widget = notebook.widget("Frame by frame")
    said, canvas = widget.locator(".course-text"), widget.locator("canvas")
    wait_for(said, "What it does: moves right. From this frame alone: .* in this order: moves right.$")
    assert changes(notebook, canvas, lambda: widget.get_by_label("Frame", exact=True).press("End"))
    widget.get_by_label("Order of the frames").select_option("backwards")
    wait_for(said, "in this order: moves left.$")
    widget.get_by_label("Order of the frames").select_option("the frame shown, repeated")
    wait_for(said, "in this order: moves left.$")
    widget.get_by_label("Frame", exact=True).press("Home")
    wait_for(said, "in this order: moves right.$")
    widget.get_by_role("button", name="Play").click()
    wait_for(widget.locator("output"), "^4$")


def test_a_recording_is_heard_and_what_is_none_is_refused(notebook):
    import numpy as np
    from scipy.io import wavfile

    widget = notebook.widget("Your own voice")
    file = widget.get_by_label("Recording (WAV file)")
    buffer = io.BytesIO()
    wavfile.write(buffer, 8000, np.zeros(100, dtype=np.int16))
    file.set_input_files({"name": "mine.wav", "mimeType": "audio/wav", "buffer": buffer.getvalue()})
    wait_for(widget.locator(".course-text"), "^244 bytes$")
    file.set_input_files({"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear Sir or Madam"})
    wait_for(widget.locator("[role=alert]"), "^this is no WAV file$")


def test_without_a_microphone_the_widget_says_what_else_to_do(notebook):
    widget = notebook.widget("Your own voice")
    widget.get_by_role("button", name="Record", exact=True).click()
    wait_for(widget.locator("[role=alert]"), "choose a WAV file instead")


def test_without_python_they_live_on(notebook):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    for title, label in (("Window and spectrogram", "Moment"), ("Point cloud", "Turn"), ("Frame by frame", "Frame")):
        widget = notebook.widget(title)
        canvas = widget.locator("canvas[role=img]").first
        control = widget.get_by_label(label, exact=True)
        assert changes(notebook, canvas, lambda control=control: control.press("Home"))
    assert notebook.errors == []
