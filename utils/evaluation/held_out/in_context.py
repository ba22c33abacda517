"""The held-out figures of the checkpoint "in_context"."""

from __future__ import annotations

from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.puzzle_hits import binding_hits, episodes_of
from utils.models.interleaved import InterleavedGPT
from utils.training.checkpoints import Figure
from utils.training.features import picture_features
from utils.world.puzzles import make_album

EPISODES = 1000


def measure(model: InterleavedGPT) -> dict[str, Figure]:
    """Return how often it names a picture by the right one of two new words, by shots, and with shuffled labels."""
    figures = {}
    for pairs, bars in (("seen", {1: 0.85, 2: 0.90, 4: 0.95}), ("held_out", {1: 0.85, 2: 0.90, 4: 0.90})):
        album = make_album(pairs, 50, seed=2)
        features = picture_features(album.pictures)

        def hits(shots, album=album, features=features, **options):
            return binding_hits(model, episodes_of(album, EPISODES, shots, seed=shots, **options), features)

        on = f"{EPISODES} episodes of two new words for shape-colour pairs of the split {pairs!r}"
        for shots, bar in bars.items():
            figures[f"{pairs}, {shots} shots of each word"] = figure_of(hits(shots), bar, on)
        figures[f"{pairs}, no shots"] = figure_of(hits(0), 0.55, on, at_most=True)
        shuffled = hits(4, labels="shuffled")
        figures[f"{pairs}, 4 shots with shuffled words"] = figure_of(shuffled, 0.60, on, at_most=True)
    return figures
