"""The widget of lesson 3.8 in a real JupyterLab: walked by keyboard, without Python, accessible."""

from __future__ import annotations

import pytest
from harness import says

CELL = """
import numpy as np
from utils.widgets import ChasePoint, RewardChase

RING, STAR = ("a small red ring", True), ("a large blue star", False)
free = [ChasePoint(0, 0, 1, [[RING, STAR]]), ChasePoint(2, 1, 1.5, [[RING]]), ChasePoint(9, 3, 0.2, [[STAR, STAR]])]
held = [ChasePoint(0, 0, 1, [[RING, STAR]]), ChasePoint(1, 0.8, 1.4, [[RING]])]
RewardChase({"free": free, "held": held}, [np.full((3, 32, 32), 200, np.uint8)])
"""
TITLE = "Chasing a reward"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(notebook, widget, theme):
    notebook.theme(dark=theme == "dark")
    assert notebook.axe(widget) == []
    notebook.screenshot(f"reward_chase_{theme}", widget)


def test_arrow_keys_walk_the_way_and_the_captions_follow(notebook, widget):
    says(widget, r"^free, KL 0.0 nats: .* worth 1.00; 1 made up")
    canvas = widget.locator("canvas").first
    before = notebook.pixels(canvas)
    widget.get_by_label("Distance from the reference").focus()
    notebook.page.keyboard.press("ArrowRight")
    says(widget, r"^free, KL 2.0 nats: the judge's reward 1.00, .* worth 1.50; 0 made up")
    notebook.page.keyboard.press("End")
    says(widget, r"^free, KL 9.0 nats: .* worth 0.20; 2 made up")
    assert widget.locator("s").count() == 2
    assert notebook.pixels(canvas) != before
    assert "KL 9.0 nats of the way free" in canvas.get_attribute("aria-label")


def test_another_way_begins_at_its_start_and_has_its_own_length(notebook, widget):
    widget.get_by_label("Way", exact=True).select_option("held")
    says(widget, r"^held, KL 0.0 nats")
    widget.get_by_label("Distance from the reference").focus()
    notebook.page.keyboard.press("End")
    says(widget, r"^held, KL 1.0 nats")
    assert notebook.errors == []
