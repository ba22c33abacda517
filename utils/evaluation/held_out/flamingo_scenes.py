"""The held-out figures of the checkpoint "flamingo_scenes"."""

from __future__ import annotations

from dataclasses import replace

from utils.evaluation.few_shot import (
    album_latents,
    language_hits,
    motion_shots,
    shot_hits,
    text_shots,
    told_hits,
    told_shots,
)
from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.matching import empty_pictures
from utils.evaluation.puzzle_hits import episodes_of
from utils.models.flamingo import Flamingo
from utils.training.checkpoints import Figure
from utils.world.naming import make_films
from utils.world.puzzles import make_album

EPISODES = 1000


def measure(model: Flamingo) -> dict[str, Figure]:
    """Return how often it calls a thing by the right one of two new words: by shots, in words, pictures and videos."""
    figures = {}
    for pairs, told_bars in (("seen", {"colour": 0.90, "shape": 0.90}), ("held_out", {"colour": 0.70, "shape": 0.70})):
        album = make_album(pairs, 50, seed=40)
        latents = album_latents(model, album.pictures)

        def hits(shots, album=album, latents=latents, **options):
            return shot_hits(model, episodes_of(album, EPISODES, shots, seed=40 + shots, **options), latents)

        on = f"{EPISODES} episodes of two new words for shape-colour pairs of the split {pairs!r}"
        for shots in (1, 2, 4):
            figures[f"{pairs}, {shots} shots of each word"] = figure_of(hits(shots), 0.90, on)
        figures[f"{pairs}, no shots"] = figure_of(hits(0), 0.55, on, at_most=True)
        figures[f"{pairs}, 4 shots less no shots"] = figure_of(hits(4) - hits(0), 0.25, on)
        shuffled = hits(4, labels="shuffled")
        figures[f"{pairs}, 4 shots with shuffled words"] = figure_of(shuffled, 0.60, on, at_most=True)
        asked = episodes_of(album, EPISODES, 4, seed=44)
        others = replace(asked, pictures=asked.pictures[derangement(EPISODES)])
        figures[f"{pairs}, 4 shots, pictures of another episode"] = figure_of(
            shot_hits(model, others, latents), 0.60, on, at_most=True
        )
        nothing = album_latents(model, empty_pictures(1)).expand_as(latents)
        figures[f"{pairs}, 4 shots, empty pictures"] = figure_of(
            shot_hits(model, asked, nothing), 0.60, on, at_most=True
        )
        blind = language_hits(model.language, asked)
        figures[f"{pairs}, 4 shots, the language model alone"] = figure_of(blind, 0.60, on, at_most=True)
        for meaning, bar in told_bars.items():
            episodes, names = told_shots(album, EPISODES, 4, meaning, seed=45)
            on_told = f"{EPISODES} episodes of two {meaning}s, told in words and asked in pictures of {pairs!r} pairs"
            told = told_hits(model, episodes, names, latents)
            figures[f"{pairs}, {meaning} told in words, asked in a picture"] = figure_of(told, bar, on_told)
    text = text_shots(EPISODES, 4, seed=46)
    figures["in words alone, 4 shots, the language model alone"] = figure_of(
        language_hits(model.language, text), 0.95, f"{EPISODES} episodes of two new words for any two words"
    )
    films = make_films("held_out", 50, seed=400)
    episodes, names = motion_shots(films, EPISODES, 4, seed=47)
    on = f"{EPISODES} episodes of two new words for directions of motion, in videos of held-out shape-colour pairs"
    moving = album_latents(model, films.videos)
    frozen = album_latents(model, films.videos[:, :1].expand_as(films.videos))
    figures["motions, 4 shots of each word"] = figure_of(shot_hits(model, episodes, moving), 0.65, on)
    figures["motions told in words, asked in a video"] = figure_of(told_hits(model, episodes, names, moving), 0.65, on)
    figures["motions, 4 shots, the first frame repeated"] = figure_of(
        shot_hits(model, episodes, frozen), 0.60, on, at_most=True
    )
    return figures
