"""The held-out figures of the checkpoint "chain_of_thought"."""

from __future__ import annotations

from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.puzzle_hits import chain_hits, chains_of
from utils.models.interleaved import InterleavedGPT
from utils.training.checkpoints import Figure
from utils.training.features import picture_features
from utils.world.puzzles import DEEPEST, make_album

PUZZLES = 500
BARS = {1: 0.90, 2: 0.90, 3: 0.90, 4: 0.85, 5: 0.85, 6: 0.80}


def measure(model: InterleavedGPT, bars: dict[int, float] = BARS, at_most: tuple[int, ...] = ()) -> dict[str, Figure]:
    """Return how often the colour at the end of the chain is right, by the number of steps.

    The bar is one to stay below for the depths in `at_most`.
    """
    album = make_album("held_out", 50, seed=2)
    features = picture_features(album.pictures)
    on = f"{PUZZLES} puzzles of eight dominoes, only pairs that training never shows"
    return {
        f"{depth} steps": figure_of(
            chain_hits(model, *chains_of(album, PUZZLES, depth, seed=depth), features),
            bars[depth],
            on,
            at_most=depth in at_most,
        )
        for depth in range(1, DEEPEST + 1)
    }
