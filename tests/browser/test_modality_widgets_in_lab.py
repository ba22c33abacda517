"""The viewer's new views, the shift player and the mixer in a real JupyterLab: moved, played, and alive alone."""

from __future__ import annotations

import re

import pytest
from harness import slide, wait_for

CELL = """
import numpy as np
from utils.widgets import Channel, FusionMixer, ModalityViewer, Panel, ShiftPlayer

grey = np.full((3, 32, 32), 200, dtype=np.uint8)
frames = np.stack([grey] * 8)
frames[::2, :, 10:20, 4:14] = 30
frames[1::2, :, 10:20, 18:28] = 90
seen = np.array([[1, 0] * 4, [0, 1] * 4])
sound = 0.5 * np.sin(np.arange(6400) / 3) * np.repeat([1, 0] * 4, 800)
cloud = np.random.default_rng(0).normal(size=(200, 3)) / 3

display(
    ModalityViewer([
        Panel("Sound", "sound", sound, alt="a sound", rate=8000, numbers=sound),
        Panel("Video", "video", frames, alt="a video", rate=10, numbers=frames),
        Panel("Cloud", "points", cloud, alt="a cloud", numbers=cloud),
        Panel("Program", "text", "add sphere 8 8 16 4\\nadd box 1 2 3 4 5 6", alt="a program", numbers=[3, 1, 4]),
    ]),
    ShiftPlayer(
        frames, sound, seen, ["left one", "right one"], 0, rate=10, sample_rate=8000, scores={0: 0.9, 1: 0.1}
    ),
)
shares = np.random.default_rng(1).dirichlet([1, 1], size=(3, 2, 3))
shares[0, 0, 0] = [0.9, 0.1]
shares[1, 0, 0] = [0.2, 0.8]
FusionMixer(
    [
        Channel("face", "picture", {"glad": grey, "sorry": frames[0]}),
        Channel("voice", "sound", {"glad": sound}, 8000),
        Channel("words", "text", {"glad": "well done", "sorry": "alas"}),
    ],
    ["happy", "sad"],
    shares,
)
"""
TITLES = ["One scene, every modality", "Sound and picture, moved apart", "Mix a face, a voice and words"]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, title, theme):
    notebook.theme(dark=theme == "dark")
    widget = notebook.widget(title)
    tabs = widget.get_by_role("tab")
    for i in range(max(1, tabs.count())):
        if tabs.count():
            tabs.nth(i).click()
        assert notebook.axe(widget) == []
        notebook.screenshot(f"{re.sub('[^a-z]+', '_', title.lower())}_{theme}_{i}", widget)


def test_a_sound_can_be_played_and_is_drawn(notebook):
    widget = notebook.widget(TITLES[0])
    widget.get_by_role("tab", name="Sound").click()
    player = widget.locator("audio:visible")
    assert player.get_attribute("aria-label") == "a sound"
    notebook.page.wait_for_function(
        "(node) => node.duration > 0.79 && node.duration < 0.81", arg=player.element_handle()
    )
    assert widget.locator("canvas:visible").count() == 1


def test_a_video_goes_frame_by_frame_and_plays(notebook):
    widget = notebook.widget(TITLES[0])
    widget.get_by_role("tab", name="Video").click()
    canvas = widget.locator("canvas:visible")
    before = notebook.pixels(canvas)
    widget.get_by_label("Frame").press("ArrowRight")
    assert notebook.pixels(canvas) != before
    drawn = notebook.drawn(widget)
    widget.get_by_role("button", name="Play").click()
    notebook.page.wait_for_timeout(500)
    widget.get_by_role("button", name="Pause").click()
    assert notebook.drawn(widget) >= drawn + 2


def test_a_cloud_turns_by_slider_and_by_dragging(notebook):
    widget = notebook.widget(TITLES[0])
    widget.get_by_role("tab", name="Cloud").click()
    canvas = widget.locator("canvas:visible")
    before = notebook.pixels(canvas)
    slide(widget.get_by_label("Turn"), 45)
    turned = notebook.pixels(canvas)
    assert turned != before
    box = canvas.bounding_box()
    notebook.page.mouse.move(box["x"] + 100, box["y"] + 100)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 130, box["y"] + 120, steps=3)
    notebook.page.mouse.up()
    assert notebook.pixels(canvas) != turned
    assert widget.get_by_label("Tilt").input_value() == "20"


def test_the_numbers_of_any_tensor_are_told_by_their_place(notebook):
    widget = notebook.widget(TITLES[0])
    widget.get_by_role("tab", name="Video").click()
    numbers, said = widget.locator("[role=application]:visible"), widget.locator("[role=tabpanel]:visible .course-text")
    numbers.focus()
    notebook.page.keyboard.press("Home")
    wait_for(said, r"^number \[0, 0, 0, 0\] is 200$")
    notebook.page.keyboard.press("Shift+ArrowDown")
    for _ in range(4):
        notebook.page.keyboard.press("ArrowRight")
    wait_for(said, r"^number \[0, 0, 10, 4\] is 30$")
    notebook.page.keyboard.press("End")
    wait_for(said, r"^number \[7, 2, 31, 31\] is 200$")
    widget.get_by_role("tab", name="Program").click()
    assert widget.locator("pre:visible").inner_text().startswith("add sphere 8 8 16 4")


def test_a_later_sound_agrees_with_the_other_one(notebook):
    widget = notebook.widget(TITLES[1])
    said, slider = widget.locator(".course-text"), widget.get_by_label("Sound later by")
    wait_for(said, r"left one 1\.00, right one -1\.00; so it seems to be the left one: right\. At this shift 0\.90")
    slide(slider, 1)
    wait_for(said, r"right one 1\.00; so it seems to be the right one: wrong, it is the left one\. At this shift 0\.10")
    slide(slider, 2)
    wait_for(said, r"the left one: right\.$")
    drawn = notebook.drawn(widget)
    widget.get_by_role("button", name="Play").click()
    notebook.page.wait_for_timeout(600)
    widget.get_by_role("button", name="Pause").click()
    assert notebook.drawn(widget) > drawn


def test_the_mixer_tells_each_alone_and_all_together_and_does_without(notebook):
    widget = notebook.widget(TITLES[2])
    said = widget.locator(".course-text")
    wait_for(said, "together: happy.$")
    assert widget.locator("tbody tr").first.locator("td").last.inner_text() == "0.90 ◀"
    widget.get_by_label("face").select_option("sorry")
    wait_for(said, "together: sad.$")
    widget.get_by_label("face").select_option("nothing")
    wait_for(said, "^no face, voice: ")
    assert widget.locator("tbody tr").first.locator("td").first.inner_text() == "–"
    for label in ("voice", "words"):
        widget.get_by_label(label).select_option("nothing")
    wait_for(said, "^Nothing is there to judge by.$")
    widget.get_by_label("words").select_option("sorry")
    assert widget.locator(".course-quote").inner_text() == "“alas”"


def test_all_of_it_lives_on_without_python(notebook):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    slide(notebook.widget(TITLES[1]).get_by_label("Sound later by"), 0)
    wait_for(notebook.widget(TITLES[1]).locator(".course-text"), "the left one: right")
    mixer = notebook.widget(TITLES[2])
    mixer.get_by_label("face").select_option("glad")
    wait_for(mixer.locator(".course-text"), "^face: ")
    assert notebook.errors == []
