"""The widget of lesson 2.9 in a real JupyterLab: moved by mouse and by keyboard, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
from utils.widgets import Built, ProgramSteps
from utils.world import Scene, Scenes, Thing, render_pictures, render_programs

ring = Scenes.of([Scene((Thing("ring", "blue", "large", 9, 9), Thing("star", "red", "small", 24, 23)))])
picture, program = render_pictures(ring)[0], render_programs(ring)[0]
ProgramSteps({"a ring and a star": Built(picture, program, program), "a ball": Built(picture, "add sphere 9 9 16 6.5")})
"""
TITLE = "A solid, line by line"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"program_steps_{theme}", widget)


def test_arrow_keys_run_the_lines_one_by_one(notebook, widget):
    says(widget, "^3 of 3 lines run.*true solid: IoU 1.00")
    lines = widget.get_by_label("Lines run", exact=True)
    lines.focus()
    notebook.page.keyboard.press("Home")
    says(widget, "^0 of 3 lines run, 0 voxels")
    notebook.page.keyboard.press("ArrowRight")
    says(widget, "^1 of 3 lines run")
    assert "with 1 of 3 lines run" in widget.locator("canvas").get_attribute("aria-label")


def test_the_solid_turns_and_the_example_changes(notebook, widget):
    canvas = widget.locator("canvas")
    before, drawn = notebook.pixels(canvas), notebook.drawn(widget)
    widget.get_by_label("Turn").focus()
    notebook.page.keyboard.press("ArrowLeft")
    notebook.page.wait_for_function(
        "([node, drawn]) => Number(node.dataset.drawn) > drawn", arg=[widget.element_handle(), drawn]
    )
    assert notebook.pixels(canvas) != before
    widget.get_by_label("Example").select_option("a ball")
    says(widget, "^1 of 1 lines run, .* outline and picture: IoU 0")
    assert notebook.errors == []
