"""The widget of lesson 2.4 in a real JupyterLab: moved by mouse and by keyboard, alive without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
import numpy as np
from utils.widgets import Look, PictureAttention

picture = np.full((3, 32, 32), 230, dtype=np.uint8)
picture[:, 2:14, 18:30] = np.array([200, 40, 40], dtype=np.uint8)[:, None, None]
even = np.full((2, 4, 16), 1 / 16)
sharp = even.copy()
sharp[1, 1:] = 0.02
sharp[1, 1:, 3] = 0.70
PictureAttention([
    Look(picture, ["<start>", "which", "colour", "<end>"], sharp, "red"),
    Look(picture, ["<start>", "how", "many", "<end>"], even, "one"),
])
"""
TITLE = "Where each word looks"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"picture_attention_{theme}", widget)


def test_arrow_keys_and_the_pointer_choose_the_word(notebook, widget):
    says(widget, "^“<end>” looks most at the patch in row 1, column 4: 70 % of its attention in layer 2")
    slider, canvas = widget.get_by_label("Word", exact=True), widget.locator("canvas")
    before = notebook.pixels(canvas)
    slider.focus()
    notebook.page.keyboard.press("Home")
    says(widget, "^“<start>” looks most at the patch in row 1, column 1: 6 %")
    assert slider.get_attribute("aria-valuetext") == "<start>"
    assert notebook.pixels(canvas) != before
    widget.locator("li", has_text="colour").hover()
    says(widget, "^“colour” looks most at the patch in row 1, column 4")
    assert canvas.get_attribute("aria-label").startswith("the picture, darkened")


def test_layer_and_question_change_what_is_shown_without_python(notebook, widget):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    notebook.page.mouse.move(0, 0)  # else new words appear under the pointer, and one of them is chosen
    widget.get_by_label("Layer", exact=True).select_option("layer 1")
    says(widget, "6 % of its attention in layer 1")
    widget.get_by_label("Question", exact=True).select_option("2. how many")
    says(widget, "^“<end>”")
    assert widget.locator(".course-note").inner_text() == "The answer: one"
    assert widget.locator("li").all_inner_texts() == ["<start>", "how", "many", "<end>"]
    assert notebook.errors == []
