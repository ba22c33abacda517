"""New words told in words: what a language model reads before it has eyes, and beside pictures once it has.

The episodes of `utils.world.puzzles` bind new words to pictures: <image>, its word, <image>, its word. Here some of the
pictures are told instead, by a word that stands in the place of <image>: "red dim" for a picture of something red. For
a language model alone all of them are told, and by any word of the vocabulary: it is to learn how a word is bound to
whatever stands before it, and nothing of which things there are, or which colour goes with which shape.

A new word can also mean a motion, which only a video shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from utils.world.puzzles import MEANINGS, NEW_WORDS, Album, Episodes, interleave, token
from utils.world.scenes import COLOURS, MOTIONS, SHAPES, sample_scenes
from utils.world.tokenizer import IMAGE, SPECIAL, VOCABULARY
from utils.world.videos import LEAST_FRAMES, render_videos

DIRECTIONS = tuple(motion for motion in MOTIONS if motion.startswith("moves"))
# Everything that may be told in the place of a picture: all words but the new ones
TELLING_WORDS = tuple(word for word in VOCABULARY[len(SPECIAL) : IMAGE] if word not in NEW_WORDS)
UNTOLD = 0.2  # the share of <image> that a language model reads with nothing in their place

_NEW = torch.tensor([token(word) for word in NEW_WORDS])
_TELLING = torch.tensor([token(word) for word in TELLING_WORDS])
_COLOUR_WORDS = torch.tensor([token(word) for word in COLOURS])
_SHAPE_WORDS = torch.tensor([token(word) for word in SHAPES])
_DIRECTION_WORDS = torch.tensor([token(motion.split()[-1]) for motion in DIRECTIONS])


@dataclass(frozen=True)
class TextEpisodes:
    """Episodes of learning two new words from text: a word that tells a thing, its new name, and so on.

    `which` says of each thing whether it is the first or the second of the episode, `words` holds their names.
    """

    tokens: Int[Tensor, "episodes length"]
    which: Int[Tensor, "episodes things"]
    words: Int[Tensor, "episodes 2"]

    @property
    def answer(self) -> Int[Tensor, " episodes"]:
        """Which of the two words, 0 or 1, the last thing deserves."""
        return self.which[:, -1]


def text_episodes(
    which: Int[Tensor, "episodes things"], generator: torch.Generator, *, untold: float = 0.0
) -> TextEpisodes:
    """Return an episode for each row of `which`; its two things and their names are drawn anew.

    Each thing is told by one word, any but the new ones; a share of `untold` stay <image>, of which nothing is known.
    """
    number = len(which)
    things = _TELLING[torch.rand(number, len(_TELLING), generator=generator).argsort(1)[:, :2]]
    words = _NEW[torch.rand(number, len(_NEW), generator=generator).argsort(1)[:, :2]]
    tokens = interleave(words.gather(1, which))
    hidden = torch.rand(which.shape, generator=generator) < untold
    tokens[:, 1::2] = things.gather(1, which).masked_fill(hidden, IMAGE)
    return TextEpisodes(tokens, which, words)


def attribute_words(album: Album, episodes: Episodes) -> Int[Tensor, "episodes pictures"]:
    """Return the word that tells each picture: its colour where new words mean colours, its shape where shapes.

    Raises `ValueError` for episodes whose words mean pairs, for which one word is not enough.
    """
    if (episodes.meaning == MEANINGS.index("pair")).any():
        raise ValueError(
            'one word tells a colour or a shape, not a pair: draw episodes with meaning="colour" or "shape"'
        )
    colours = _COLOUR_WORDS[album.scenes.colour[episodes.pictures, 0]]
    shapes = _SHAPE_WORDS[album.scenes.shape[episodes.pictures, 0]]
    return torch.where(episodes.meaning[:, None] == MEANINGS.index("colour"), colours, shapes)


def tell(
    episodes: Episodes, names: Int[Tensor, "episodes pictures"], told: Bool[Tensor, " pictures"]
) -> tuple[Int[Tensor, "episodes length"], Int[Tensor, "episodes shown"]]:
    """Return the episodes' tokens and pictures with the pictures that are `told` left out: a word stands for each.

    `names` holds the word of every picture. The answer stays the last token.
    """
    if told.shape != names.shape[1:] or names.shape != episodes.pictures.shape:
        raise ValueError(
            f"episodes of {episodes.pictures.shape[1]} pictures need as many names, and told as many times True or "
            f"False, not {list(names.shape)} and {list(told.shape)}"
        )
    tokens = episodes.tokens
    tokens[:, 1::2] = torch.where(told, names, tokens[:, 1::2])
    return tokens, episodes.pictures[:, ~told]


@dataclass(frozen=True)
class Films:
    """Videos of one object each, equally many of each of the `DIRECTIONS` in which it moves.

    `rows[direction]` holds the numbers of its videos.
    """

    videos: UInt8[Tensor, "number frames 3 height width"]
    rows: Int[Tensor, "directions each"]


def make_films(pairs: str, each: int, *, seed: int, frames: int = LEAST_FRAMES) -> Films:
    """Return `each` videos of every direction, of objects of the split `pairs`: "seen", "held_out" or "all"."""
    videos = []
    for number, motion in enumerate(DIRECTIONS):
        scenes = sample_scenes(each, seed=seed + number, objects=(1, 1), pairs=pairs, motions=(motion,))
        videos.append(render_videos(scenes, frames, seed=seed + number))
    return Films(torch.cat(videos), torch.arange(len(DIRECTIONS) * each).view(len(DIRECTIONS), each))


def motion_episodes(
    films: Films, which: Int[Tensor, "episodes videos"], generator: torch.Generator
) -> tuple[Episodes, Int[Tensor, "episodes videos"]]:
    """Return an episode for each row of `which`, whose words mean two directions, and the word that tells each video.

    The episodes' `pictures` are numbers of videos of `films`, and their `meaning` comes after those of `MEANINGS`.
    """
    number = len(which)
    two = torch.rand(number, len(DIRECTIONS), generator=generator).argsort(1)[:, :2]
    directions = two.gather(1, which)
    videos = films.rows[directions, torch.randint(films.rows.shape[1], which.shape, generator=generator)]
    words = _NEW[torch.rand(number, len(_NEW), generator=generator).argsort(1)[:, :2]]
    meaning = torch.full((number,), len(MEANINGS))
    return Episodes(videos, which, words, meaning), _DIRECTION_WORDS[directions]
