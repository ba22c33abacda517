"""The widget of lesson 3.3 in a real JupyterLab: walked by keyboard, alive without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
import numpy as np
from utils.widgets import OneSequence

picture = np.full((3, 32, 32), 230, dtype=np.uint8)
picture[:, 2:14, 18:30] = np.array([200, 40, 40], dtype=np.uint8)[:, None, None]
tokens = ["<start>", *["<image>"] * 4, "<end>", "how", "big", "<end>", "large", "<end>"]
OneSequence(
    tokens, picture, learnt=[False] * 9 + [True] * 2,
    guesses={"before": [[("up", 0.4), ("yes", 0.3)]] * 11, "after": [[("large", 0.9)]] * 11},
)
"""
TITLE = "One sequence"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"one_sequence_{theme}", widget)


def test_another_stage_says_something_else_at_the_same_place(notebook, widget):
    says(widget, r"^Behind “<end>”, before: up 0.40, yes 0.30\. In truth comes “large”, learnt\.$")
    widget.get_by_label("after", exact=True).check()
    says(widget, "^Behind “<end>”, after: large 0.90")


def test_arrow_keys_walk_along_the_sequence_without_python(notebook, widget):
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    notebook.page.mouse.move(0, 0)
    buttons = widget.get_by_role("toolbar").locator("button")
    assert buttons.nth(2).get_attribute("aria-label") == "soft token 2, a square of the picture"
    assert buttons.nth(9).get_attribute("aria-label") == "large, learnt"
    first, second = widget.locator("canvas").nth(0), widget.locator("canvas").nth(1)
    assert notebook.pixels(first) != notebook.pixels(second), "each place shows its own square"
    buttons.nth(8).focus()
    notebook.page.keyboard.press("Home")
    says(widget, "^Behind “<start>”, .* In truth comes soft token 1, not learnt")
    notebook.page.keyboard.press("End")
    says(widget, "It is the last")
    notebook.page.keyboard.press("ArrowRight")
    says(widget, "^Behind “<start>”")
    assert notebook.errors == []
