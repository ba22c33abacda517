"""The widget of lesson 3.5 in a real JupyterLab: moved by keyboard and by choice, alive without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
import numpy as np
from utils.widgets import ExpertRouting, RoutedText

picture = np.full((3, 32, 32), 230, dtype=np.uint8)
picture[:, 2:14, 18:30] = np.array([200, 40, 40], dtype=np.uint8)[:, None, None]
words = ["<start>", *["<image>"] * 4, "a", "red", "ring"]
apart = np.array([[2, 3], [0, 1], [0, 1], [0, 1], [0, 1], [2, 3], [2, 3], [3, 2]])
mixed = np.stack([np.arange(8) % 4, (np.arange(8) + 1) % 4], axis=-1)
ExpertRouting(
    [RoutedText(picture, words, {"after": [mixed, apart], "before": [mixed, mixed]}) for _ in range(2)],
    experts=4,
    layers=["block 2", "block 4"],
)
"""
TITLE = "Who is sent where"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"expert_routing_{theme}", widget)


def test_it_begins_at_the_last_layer_with_room_for_all(widget):
    says(widget, r"^after, block 4: squares go most to expert 1 \(50 %\), words to expert 3 \(50 %\)")
    says(widget, "0 % dropped, 0 of squares and 0 of words")
    told = widget.locator("canvas").first.get_attribute("aria-label")
    assert told.startswith("the picture in 4 squares: square 1 goes to expert 1 and expert 2")
    assert widget.locator("li").all_inner_texts()[1] == "a\n3 · 4"


def test_with_less_room_who_comes_late_is_dropped(notebook, widget):
    slider, bars = widget.get_by_label("Room for each expert", exact=True), widget.locator("canvas").last
    before = notebook.pixels(bars)
    slider.focus()
    notebook.page.keyboard.press("Home")
    # half a fair share: 0.5 x 32 choices / 4 experts = 4, which the first text takes whole
    says(widget, "Room for 4 choices in each expert: 50 % dropped, 8 of squares and 8 of words")
    assert notebook.pixels(bars) != before
    assert widget.locator("li s").count() == 0
    widget.get_by_label("Text", exact=True).select_option("2. a red ring")
    assert widget.locator("li s").count() == 8
    assert "expert 1, no room" in widget.locator("canvas").first.get_attribute("aria-label")
    assert "drops 4" in bars.get_attribute("aria-label")
    slider.focus()
    notebook.page.keyboard.press("End")
    says(widget, "0 % dropped")


def test_layer_and_model_change_what_is_shown_without_python(notebook, widget):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    widget.get_by_label("Layer", exact=True).select_option("block 2")
    says(widget, r"^after, block 2: squares go most to expert 1 \(25 %\)")
    widget.get_by_label("Model", exact=True).select_option("before")
    says(widget, "^before, block 2")
    assert notebook.errors == []
