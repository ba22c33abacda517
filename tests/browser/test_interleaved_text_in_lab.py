"""The widget of lesson 3.4 in a real JupyterLab: walked by keyboard, alive without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
import numpy as np
from utils.widgets import InterleavedText

picture = np.full((3, 32, 32), 230, dtype=np.uint8)
picture[:, 2:14, 18:30] = np.array([200, 40, 40], dtype=np.uint8)[:, None, None]
looks = np.zeros((5, 16))
looks[1:, 3] = 1
shares = np.full((3, 5, 2), 0.10)
shares[1, 4], shares[2, 4] = [0.45, 0.20], [0.85, 0.05]
InterleavedText(
    ["<start>", "<image>", "dim", "up", "<image>"], [("red square", picture), ("red ring", picture)],
    looks=looks, words=["dim", "byd"], shares=shares, openings=[0.0, 0.5, 1.0],
)
"""
TITLE = "Walk along a text with pictures"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"interleaved_text_{theme}", widget)


def test_the_slider_opens_the_gates(notebook, widget):
    says(widget, r"^<image> 2 looks at picture 2 \(red ring\)\. Behind it, with the gates at 0 %: dim 0.10, byd 0.10")
    slider = widget.get_by_label("Gates open to", exact=True)
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    says(widget, "with the gates at 50 %: dim 0.45, byd 0.20")
    assert slider.get_attribute("aria-valuetext") == "50 %"
    notebook.page.keyboard.press("End")
    says(widget, "with the gates at 100 %: dim 0.85, byd 0.05")


def test_arrow_keys_walk_along_the_text_without_python(notebook, widget):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    notebook.page.mouse.move(0, 0)
    buttons = widget.get_by_role("toolbar").locator("button")
    first = widget.locator("canvas").first
    dim = notebook.pixels(first)
    buttons.last.focus()
    notebook.page.keyboard.press("ArrowLeft")
    says(widget, r"^“up” looks at picture 1 \(red square\)")
    assert notebook.pixels(first) != dim, "the picture that is looked at lights up"
    assert buttons.nth(1).get_attribute("aria-label") == "picture 1, red square, looked at"
    assert buttons.nth(4).get_attribute("aria-label") == "picture 2, red ring"
    notebook.page.keyboard.press("Home")
    says(widget, "^“<start>” looks at no picture: none has come yet")
    assert notebook.errors == []
