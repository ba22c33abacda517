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
    """Dominoes in random order whose colours form one ring; shapes say nothing.

    A domino shows two objects side by side: two tiles, numbers of an album's pictures. The colour on the right of one
    is that on the left of the next. `chain` holds the colours along it, from the one at which the question starts.
    """

    tiles: Int[Tensor, "puzzles dominoes 2"]
    chain: Int[Tensor, "puzzles colours"]

    @property
    def deepest(self) -> int:
        """The greatest number of steps that can be asked for: no colour comes twice."""
        return self.chain.shape[1] - 1


def domino_chains(album: Album, number: int, generator: torch.Generator, *, dominoes: int = DOMINOES) -> Chains:
    """Return `number` puzzles; each ring runs through as many colours as there are `dominoes`, two to eight."""
    if not 2 <= dominoes <= DOMINOES:
        raise ValueError(f"a puzzle has 2 to {DOMINOES} dominoes, one for each colour of its ring, not {dominoes}")
    ring = torch.rand(number, len(COLOURS), generator=generator).argsort(1)[:, :dominoes]
    order = torch.rand(number, dominoes, generator=generator).argsort(1)
    halves = torch.stack([ring.gather(1, order), ring.roll(-1, 1).gather(1, order)], dim=2)
    start = torch.randint(dominoes, (number, 1), generator=generator)
    chain = ring.gather(1, (start + torch.arange(min(DEEPEST, dominoes - 1) + 1)) % dominoes)
    return Chains(album.draw(_pairs_of(album, halves, generator), generator), chain)


def chain_prompts(chains: Chains, depth: Int[Tensor, " puzzles"]) -> Int[Tensor, "puzzles length"]:
    """Return <start>, an <image> for each domino, the number of steps in words, and the colour to start from."""
    start, pictures = torch.full_like(chains.chain[:, :1], START), torch.full_like(chains.tiles[..., 0], IMAGE)
    return torch.cat([start, pictures, _NUMBER_WORDS[depth][:, None], _COLOUR_WORDS[chains.chain[:, :1]]], dim=1)


def chain_answers(chains: Chains, depth: Int[Tensor, " puzzles"], *, steps: bool) -> Int[Tensor, "puzzles length"]:
    """Return what is to follow a prompt: the colour `depth` steps on, or with `steps` all on the way there; <end>."""
    words = _COLOUR_WORDS[chains.chain[:, 1:]]
    if not steps:
        last = words.gather(1, depth[:, None] - 1)
        return torch.cat([last, torch.full_like(last, END)], dim=1)
    place = torch.arange(chains.deepest + 1)
    words = torch.cat([words, words[:, :1]], dim=1).masked_fill(place > depth[:, None], PAD)
    return words.masked_fill(place == depth[:, None], END)


def last_words(generated: Int[Tensor, "puzzles length"]) -> Int[Tensor, " puzzles"]:
    """Return the token before <end> in each row, or the last one where there is no <end>."""
    length = (generated != END).long().cumprod(dim=1).sum(dim=1)
    return generated.gather(1, (length - 1).clamp(min=0)[:, None])[:, 0]


# Rows to be put in order ----------------------------------------------------------------------------------------------


FORMS = {"words": 4, "clue in a picture": 3, "sketch": 4}  # how a puzzle is given, and how many things stand in its row


@dataclass(frozen=True)
class Rows:
    """Things of different colours stand in a row; each clue says which stands directly left of which.

    `colours` is the row from left to right. `clues` holds the clues in the order in which they are given: the place in
    the row of each one's left thing. `tiles` are numbers of an album's pictures, one for each thing of the row: what a
    sketch shows, and a clue that is given as a picture. `place` is the place that is asked for, counted from 0.
    """

    colours: Int[Tensor, "puzzles things"]
    clues: Int[Tensor, "puzzles clues"]
    tiles: Int[Tensor, "puzzles things"]
    place: Int[Tensor, " puzzles"]

    @property
    def answers(self) -> Int[Tensor, " puzzles"]:
        """The word that answers each puzzle: the colour of the thing at the place that is asked for."""
        return _COLOUR_WORDS[self.colours.gather(1, self.place[:, None])[:, 0]]


def rows_of_things(album: Album, number: int, things: int, generator: torch.Generator) -> Rows:
    """Return `number` rows of `things` each, with their clues in random order."""
    colours = torch.rand(number, len(COLOURS), generator=generator).argsort(1)[:, :things]
    clues = torch.rand(number, things - 1, generator=generator).argsort(1)
    tiles = album.draw(_pairs_of(album, colours, generator), generator)
    return Rows(colours, clues, tiles, torch.randint(things, (number,), generator=generator))


def row_prompts(
    rows: Rows, form: str, generator: torch.Generator
) -> tuple[Int[Tensor, "puzzles length"], Int[Tensor, "puzzles pictures 2"]]:
    """Return the prompts and their pictures, numbers of an album's pictures, two tiles to a picture.

    A prompt begins with the colours of all things, in random order. Then come the clues: "and red blue" says that red
    stands directly left of blue. By `form` they are all in "words"; or the last is a "clue in a picture" that shows two
    things side by side; or all are in words and with a "sketch" of the row, two things to a picture. Last comes the
    place that is asked for, as a number in words, counted from one.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    number, things = rows.colours.shape
    names = rows.colours.gather(1, torch.rand(number, things, generator=generator).argsort(1))
    start = torch.full((number, 1), START)
    parts = [start, _COLOUR_WORDS[names]]
    for clue in rows.clues.T[: things - 2 if form == "clue in a picture" else things - 1]:
        sides = rows.colours.gather(1, clue[:, None] + torch.arange(2))
        parts += [torch.full_like(start, token("and")), _COLOUR_WORDS[sides]]
    pictures = rows.tiles.new_empty(number, 0, 2)
    if form == "clue in a picture":
        pictures = rows.tiles.gather(1, rows.clues[:, -1:] + torch.arange(2))[:, None]
    elif form == "sketch":
        pictures = rows.tiles.view(number, -1, 2)
    parts += [torch.full(pictures.shape[:2], IMAGE), _NUMBER_WORDS[rows.place + 1][:, None]]
    return torch.cat(parts, dim=1), pictures


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
