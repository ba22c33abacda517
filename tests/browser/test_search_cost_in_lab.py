"""The widget of lesson 3.1 in a real JupyterLab: moved by keyboard, without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
from utils.widgets import SearchCost

SearchCost(encode=0.5, compare=0.00001, read=0.4, pictures=1000, searches=10, kept=10)
"""
TITLE = "What a search runs"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"search_cost_{theme}", widget)


def test_arrow_keys_make_the_gallery_larger_and_the_product_grows_with_it(notebook, widget):
    says(widget, r"^Two towers: 1,010 runs.*Cross-encoder: 10,000 pairs.*1,010 runs and 100 pairs")
    canvas = widget.locator("canvas")
    before = notebook.pixels(canvas)
    widget.get_by_label("Pictures in the gallery").focus()
    for _ in range(3):
        notebook.page.keyboard.press("ArrowRight")
    says(widget, r"^Two towers: 10,010 runs.*Cross-encoder: 100,000 pairs.*10,010 runs and 100 pairs")
    assert notebook.pixels(canvas) != before
    assert "every cell" in canvas.get_attribute("aria-label")


def test_no_search_keeps_more_than_there_is(notebook, widget):
    widget.get_by_label("Pictures in the gallery").focus()
    notebook.page.keyboard.press("Home")
    widget.get_by_label("Pictures kept").focus()
    notebook.page.keyboard.press("End")
    says(widget, r"20 runs and 100 pairs")
    assert notebook.errors == []
