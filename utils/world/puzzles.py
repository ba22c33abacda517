"""Puzzles for reasoning: new words bound by examples, chains of dominoes, and rows to be put in order.

Each puzzle holds its pictures as numbers of pictures in an `Album`, and its words as token ids: a model embeds the
album once, and thousands of puzzles are then a matter of indexing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, permutations

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from utils.world.captions import NUMBERS
from utils.world.pictures import render_pictures
from utils.world.scenes import COLOURS, PAIRS, SHAPES, SPLITS, Scenes, sample_scenes
from utils.world.tokenizer import END, IMAGE, PAD, START, VOCABULARY

# Welsh words that say nothing about a shape or a colour; to a model that never read Welsh they are as good as invented
NEW_WORDS = ("brig", "byd", "canol", "chwith", "dan", "dim", "gwaelod", "uwchben")
MEANINGS = ("pair", "colour", "shape")
DOMINOES = len(COLOURS)
DEEPEST = 6  # steps along a chain of dominoes
ROW = 4  # things in a row that is to be put in order


def token(word: str) -> int:
    """Return the id of a word of the course's vocabulary; raise `ValueError` for another."""
    return VOCABULARY.index(word)


_NEW_WORDS = torch.tensor([token(word) for word in NEW_WORDS])
_COLOUR_WORDS = torch.tensor([token(word) for word in COLOURS])
_NUMBER_WORDS = torch.tensor([token(word) for word in NUMBERS])
_SHAPE_OF, _COLOUR_OF = torch.arange(len(PAIRS)) // len(COLOURS), torch.arange(len(PAIRS)) % len(COLOURS)


@dataclass(frozen=True)
class Album:
    """Pictures of one object each, equally many of each shape-colour pair, which differ in size and place.

    `rows[pair]` holds the numbers of the pictures of a pair, a position in `PAIRS`, and -1 where a pair is not shown.
    """

    scenes: Scenes
    pictures: UInt8[Tensor, "number 3 height width"]
    rows: Int[Tensor, "pairs each"]

    @property
    def shown(self) -> Int[Tensor, " pairs"]:
        """Whether each pair is in the album, 0 or 1."""
        return (self.rows[:, 0] >= 0).long()

    def draw(self, pairs: Int[Tensor, "*shape"], generator: torch.Generator) -> Int[Tensor, "*shape"]:
        """Return the number of a random picture of each of `pairs`."""
        return self.rows[pairs, torch.randint(self.rows.shape[1], pairs.shape, generator=generator)]


def make_album(pairs: str, each: int, *, seed: int) -> Album:
    """Return an album with `each` pictures of every pair of the split `pairs`: "seen", "held_out" or "all"."""
    if pairs not in SPLITS:
        raise ValueError(f"pairs must be one of {', '.join(SPLITS)}, not {pairs!r}")
    numbers = torch.tensor([PAIRS.index(pair) for pair in SPLITS[pairs]])
    drawn = sample_scenes(each * len(numbers), seed=seed, objects=(1, 1))
    pair = numbers.repeat_interleave(each)[:, None]
    scenes = replace(drawn, shape=_SHAPE_OF[pair], colour=_COLOUR_OF[pair])
    rows = torch.full((len(PAIRS), each), -1)
    rows[numbers] = torch.arange(len(pair)).view(-1, each)
    return Album(scenes, render_pictures(scenes), rows)


# New words, bound by examples -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Episodes:
    """Episodes of learning two new words from pictures: picture, word, picture, word, ..., and a last picture.

    `pictures` are numbers of an album's pictures; `which` says of each whether it shows what the first or the second of
    the episode's two `words` means. The answer is the word of the last picture. `meaning` says for each episode what a
    word names: 0 a pair, 1 a colour, 2 a shape, as in `MEANINGS`.
    """

    pictures: Int[Tensor, "episodes pictures"]
    which: Int[Tensor, "episodes pictures"]
    words: Int[Tensor, "episodes 2"]
    meaning: Int[Tensor, " episodes"]

    @property
    def tokens(self) -> Int[Tensor, "episodes length"]:
        """<start>, then <image> and its word for each picture; the last token is the answer."""
        return interleave(self.words.gather(1, self.which))

    @property
    def answer(self) -> Int[Tensor, " episodes"]:
        """Which of the two words, 0 or 1, the last picture deserves."""
        return self.which[:, -1]


def interleave(said: Int[Tensor, "episodes pictures"]) -> Int[Tensor, "episodes length"]:
    """Return <start> and, for each picture, <image> and the word that is said of it."""
    pairs = torch.stack([torch.full_like(said, IMAGE), said], dim=2).flatten(1)
    return torch.cat([torch.full_like(said[:, :1], START), pairs], dim=1)


def binding_episodes(
    album: Album, which: Int[Tensor, "episodes pictures"], generator: torch.Generator, *, meaning: str | None = None
) -> Episodes:
    """Return an episode for each row of `which`; its two words and what they mean are drawn anew.

    A word means a pair, such as red circle, a colour or a shape; `meaning` says which, and by default each episode
    draws its own. Half of the second pairs share shape or colour with the first, where the album has such.
    """
    if meaning is not None and meaning not in MEANINGS:
        raise ValueError(f"meaning must be one of {', '.join(MEANINGS)}, not {meaning!r}")
    number, shown = len(which), album.shown
    kind = torch.randint(3, (number,), generator=generator)
    if meaning is not None:
        kind = torch.full_like(kind, MEANINGS.index(meaning))
    first = torch.multinomial(shown.float().expand(number, -1), 1, generator=generator)
    same_shape, same_colour = _SHAPE_OF[first] == _SHAPE_OF, _COLOUR_OF[first] == _COLOUR_OF
    near = (same_shape ^ same_colour) & (shown > 0)
    wanted = near & (torch.rand(number, 1, generator=generator) < 0.5)
    other = ~(same_shape & same_colour)
    allowed = torch.stack([torch.where(wanted.any(1, keepdim=True), wanted, other), ~same_colour, ~same_shape])
    second = torch.multinomial((allowed[kind, torch.arange(number)] * shown).float(), 1, generator=generator)
    concepts = torch.cat([first, second], dim=1)[..., None]
    pairs = torch.arange(len(PAIRS))
    named = torch.stack([pairs == concepts, _COLOUR_OF[concepts] == _COLOUR_OF, _SHAPE_OF[concepts] == _SHAPE_OF])
    fitting = named[kind, torch.arange(number)] * shown
    drawn = torch.multinomial(
        fitting[torch.arange(number)[:, None], which].flatten(0, 1).float(), 1, generator=generator
    ).view(which.shape)
    words = _NEW_WORDS[torch.rand(number, len(NEW_WORDS), generator=generator).argsort(1)[:, :2]]
    return Episodes(album.draw(drawn, generator), which, words, kind)


def balanced_shots(number: int, shots: int, generator: torch.Generator) -> Int[Tensor, "number pictures"]:
    """Return which word each picture shows: `shots` of each of the two in random order, then one to be asked."""
    order = torch.rand(number, 2 * shots, generator=generator).argsort(1) % 2
    return torch.cat([order, torch.randint(2, (number, 1), generator=generator)], dim=1)


# Chains of dominoes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chains:
    """Eight dominoes each, in random order, whose colours form one chain; shapes say nothing.

    A domino shows two objects side by side: two tiles, numbers of an album's pictures. The colour on the right of one
    is that on the left of the next. `chain` holds the colours along it, from the one at which the question starts.
    """

    tiles: Int[Tensor, "puzzles dominoes 2"]
    chain: Int[Tensor, "puzzles colours"]


def domino_chains(album: Album, number: int, generator: torch.Generator) -> Chains:
    """Return `number` puzzles; each chain runs through all eight colours and back to where it began."""
    ring = torch.rand(number, DOMINOES, generator=generator).argsort(1)
    order = torch.rand(number, DOMINOES, generator=generator).argsort(1)
    halves = torch.stack([ring.gather(1, order), ring.roll(-1, 1).gather(1, order)], dim=2)
    start = torch.randint(DOMINOES, (number, 1), generator=generator)
    chain = ring.gather(1, (start + torch.arange(DEEPEST + 1)) % DOMINOES)
    return Chains(album.draw(_pairs_of(album, halves, generator), generator), chain)


def chain_prompts(chains: Chains, depth: Int[Tensor, " puzzles"]) -> Int[Tensor, "puzzles length"]:
    """Return <start>, an <image> for each domino, the number of steps in words, and the colour to start from."""
    number = len(chains.chain)
    start, pictures = torch.full((number, 1), START), torch.full((number, DOMINOES), IMAGE)
    return torch.cat([start, pictures, _NUMBER_WORDS[depth][:, None], _COLOUR_WORDS[chains.chain[:, :1]]], dim=1)


def chain_answers(chains: Chains, depth: Int[Tensor, " puzzles"], *, steps: bool) -> Int[Tensor, "puzzles length"]:
    """Return what is to follow a prompt: the colour `depth` steps on, or with `steps` all on the way there; <end>."""
    words = _COLOUR_WORDS[chains.chain[:, 1:]]
    if not steps:
        last = words.gather(1, depth[:, None] - 1)
        return torch.cat([last, torch.full_like(last, END)], dim=1)
    place = torch.arange(DEEPEST + 1)
    words = torch.cat([words, words[:, :1]], dim=1).masked_fill(place > depth[:, None], PAD)
    return words.masked_fill(place == depth[:, None], END)


def last_words(generated: Int[Tensor, "puzzles length"]) -> Int[Tensor, " puzzles"]:
    """Return the token before <end> in each row, or the last one where there is no <end>."""
    length = (generated != END).long().cumprod(dim=1).sum(dim=1)
    return generated.gather(1, (length - 1).clamp(min=0)[:, None])[:, 0]


# Rows to be put in order ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Four things of different colours stand in a row; clues say which stands directly left of which.

    `colours` is the row from left to right. `clues` holds the three clues in the order in which they are given: the
    place in the row of its left thing. `tiles` are numbers of an album's pictures, one for each thing of the row: what
    a sketch shows, and each clue that is given as a picture.
    """

    colours: Int[Tensor, "puzzles 4"]
    clues: Int[Tensor, "puzzles 3"]
    tiles: Int[Tensor, "puzzles 4"]


def rows_of_things(album: Album, number: int, generator: torch.Generator) -> Rows:
    """Return `number` rows with their clues in random order."""
    colours = torch.rand(number, len(COLOURS), generator=generator).argsort(1)[:, :ROW]
    clues = torch.rand(number, ROW - 1, generator=generator).argsort(1)
    return Rows(colours, clues, album.draw(_pairs_of(album, colours, generator), generator))


FORMS = ("words", "clue in a picture", "sketch")


def row_prompts(
    rows: Rows, place: Int[Tensor, " puzzles"], form: str, generator: torch.Generator
) -> tuple[Int[Tensor, "puzzles length"], Int[Tensor, "puzzles pictures 2"], Int[Tensor, " puzzles"]]:
    """Return the prompts that ask which thing stands at `place` (0 to 3), their pictures, and the colour that answers.

    All begin with the colours of the four things, in random order. Then come the clues: by `form`, in "words" as in
    "red left of blue"; with the last "clue in a picture" that shows two tiles side by side; or in words and with a
    "sketch" of the row, two pictures of two tiles each. The question is a number in words. Pictures are numbers of an
    album's pictures; in words there are none.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    number = len(place)
    names = rows.colours.gather(1, torch.rand(number, ROW, generator=generator).argsort(1))
    parts = [torch.full((number, 1), START), _COLOUR_WORDS[names]]
    left_of = torch.tensor([token("left"), token("of")]).expand(number, -1)
    for clue in rows.clues.T[: 2 if form == FORMS[1] else 3]:
        left, right = (_COLOUR_WORDS[rows.colours.gather(1, at[:, None])] for at in (clue, clue + 1))
        parts += [left, left_of, right]
    if form == FORMS[1]:
        at = rows.clues[:, 2:] + torch.arange(2)
        pictures = rows.tiles.gather(1, at)[:, None]
    else:
        pictures = rows.tiles.view(number, 2, 2)[:, : 2 if form == FORMS[2] else 0]
    parts += [torch.full(pictures.shape[:2], IMAGE), _NUMBER_WORDS[place + 1][:, None]]
    return torch.cat(parts, dim=1), pictures, _COLOUR_WORDS[rows.colours.gather(1, place[:, None])[:, 0]]


def consistent_orders(clues: list[tuple[str, str]], things: list[str]) -> list[tuple[str, ...]]:
    """Return every order of `things`, left to right, in which each clue's first stands directly left of its second.

    With one clue too few, more than one order is left, and no reader can know which is meant.
    """
    return [order for order in permutations(things) if all((left, right) in pairwise(order) for left, right in clues)]


def _pairs_of(album: Album, colours: Int[Tensor, "*shape"], generator: torch.Generator) -> Int[Tensor, "*shape"]:
    """Return a random pair of the album for each colour."""
    table = album.shown.view(len(SHAPES), len(COLOURS)).T[colours].flatten(0, -2).float()
    shape = torch.multinomial(table, 1, generator=generator).view(colours.shape)
    return shape * len(COLOURS) + colours
