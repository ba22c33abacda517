"""The widget of lesson 3.6 in a real JupyterLab: moved by keyboard, without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
from utils.widgets import Contender, FamilyFront

FamilyFront({
    "towers": Contender(kinds={"count": 0.8, "relation": 0.4}, found=0.7, answer=4e6, search=2e6, each=100),
    "writer": Contender(kinds={"count": 0.9, "relation": 0.8}, found=0.6, answer=7e6, search=0, each=9e6),
    "costly": Contender(kinds={"count": 0.9, "relation": 0.9}, found=0.5, answer=9e6, search=0, each=2e7),
})
"""
TITLE = "Who is worth choosing?"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"family_front_{theme}", widget)


def test_the_kind_of_question_moves_the_front(notebook, widget):
    says(widget, r"^On the front, from the cheapest: towers, writer, costly. Nobody is beaten.$")
    widget.get_by_label("Questions are about").select_option("count")
    says(widget, r"^On the front, from the cheapest: towers, writer. Beaten: costly.$")
    widget.get_by_label("Questions are about").select_option("all kinds")


def test_searches_in_a_large_gallery_leave_the_towers_alone_on_the_front(notebook, widget):
    canvas = widget.locator("canvas").first
    before = notebook.pixels(canvas)
    widget.get_by_label("Share of searches").focus()
    notebook.page.keyboard.press("End")
    says(widget, r"^On the front, from the cheapest: towers. Beaten: writer, costly.$")
    assert notebook.pixels(canvas) != before
    assert canvas.get_attribute("aria-label").endswith("on the front: towers")


def test_a_larger_gallery_costs_a_writer_more(notebook, widget):
    cost = widget.locator("tbody tr").nth(1).locator("td").nth(1)
    widget.get_by_label("Pictures in the gallery").focus()
    notebook.page.keyboard.press("Home")
    says(widget, r"On the front")
    assert cost.inner_text() == "9.0 × 10^7"
    notebook.page.keyboard.press("ArrowRight")
    assert cost.inner_text() == "9.0 × 10^8"
    assert notebook.errors == []
