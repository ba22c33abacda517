"""The widget of lesson 2.9 without a browser: what it shows, what it refuses, what it stores."""

from __future__ import annotations

import numpy as np
import pytest

from utils.widgets import Built, ProgramSteps
from utils.world import ProgramError, Scene, Scenes, Thing, render_pictures, render_programs

RING = Scenes.of([Scene((Thing("ring", "blue", "large", 9, 9),))])
PICTURE, PROGRAM = render_pictures(RING)[0], render_programs(RING)[0]
BALL = "add sphere 24 24 16 4"


@pytest.fixture
def steps():
    return ProgramSteps({"a ring": Built(PICTURE, PROGRAM, PROGRAM), "a ball": Built(PICTURE, BALL)})


def test_it_displays_a_still_with_alternative_text(steps):
    data, metadata = steps._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] in data["text/plain"]
    assert "a ring: the picture, its program with 2 of 2 lines run" in steps._shown["alt"]


def test_line_by_line_the_solid_comes_nearer_to_the_true_one(steps):
    assert "solid and true solid: IoU 1.00" in steps._shown["text"]
    steps.set(lines=1)
    assert steps._shown["text"].startswith("1 of 2 lines run")
    assert "IoU 1.00" not in steps._shown["text"]
    steps.set(lines=0)
    assert "0 of 2 lines run, 0 voxels filled; outline and picture: IoU 0.00" in steps._shown["text"]


def test_a_shorter_program_runs_to_its_end_and_is_judged_by_its_outline_alone(steps):
    steps.set(example="a ball")
    assert steps._shown["text"].startswith("1 of 1 lines run")
    assert "outline and picture: IoU 0.00." in steps._shown["text"]
    assert "true solid" not in steps._shown["text"]


def test_turning_changes_the_view_and_nothing_that_is_said(steps):
    before = steps._shown
    steps.set(turn=-90)
    assert steps._shown["png"] != before["png"]
    assert steps._shown["text"] == before["text"]


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(ValueError, match="at least one example"):
        ProgramSteps({})
    with pytest.raises(ValueError, match=r"uint8 of shape \[3, height, width\]"):
        ProgramSteps({"a ring": Built(np.zeros((3, 32, 32)), PROGRAM)})
    with pytest.raises(ProgramError, match="line 1"):
        ProgramSteps({"a ring": Built(PICTURE, "add ring 1 1 1 1 1")})
