"""The held-out figures of the checkpoint "ordered_rows"."""

from __future__ import annotations

from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.puzzle_hits import row_hits
from utils.models.interleaved import InterleavedGPT
from utils.training.checkpoints import Figure
from utils.training.features import picture_features
from utils.world.puzzles import FORMS, make_album

PUZZLES = 1000
BARS = {"words": 0.30, "clue in a picture": 0.85, "sketch": 0.90}


def measure(model: InterleavedGPT) -> dict[str, Figure]:
    """Return how often it names the thing that is asked for, by the form of the puzzle."""
    album = make_album("held_out", 50, seed=2)
    features = picture_features(album.pictures)
    on = f"{PUZZLES} rows of four things, only pairs that training never shows"
    return {form: figure_of(row_hits(model, album, PUZZLES, form, features, seed=3), BARS[form], on) for form in FORMS}
