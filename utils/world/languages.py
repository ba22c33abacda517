"""A second, rarer language: captions of the same scenes in Welsh, and back.

Some 538,000 people in Wales said in the census of 2021 that they speak Welsh (Office for National Statistics, "Welsh
language, Wales: Census 2021", December 2022), so a model trained on what people write has read little of it. Its
grammar is unlike that of English in three ways that a translator must master, and a list of words does not tell:

- adjectives come after the noun, size before colour, and nothing stands for "a": *seren fawr goch*, a large red star;
- nouns are masculine or feminine, and a feminine noun changes its adjectives: *triongl mawr melyn*, *seren fawr felen*;
- words change their first letter by the word before them (mutation): *cylch*, but *o dan gylch*, *a chylch*.

The grammar is that of G. King, Modern Welsh: A Comprehensive Grammar (3rd edition, 2016), the words and genders those
of Geiriadur Prifysgol Cymru (University of Wales); *sgwâr*, which some speakers make feminine, is masculine here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from utils.world.captions import relation
from utils.world.scenes import COLOURS, SHAPES, SIZES, Scene, Thing, places
from utils.world.tokenizer import split_words, unknown_words

NOUNS = dict(zip(SHAPES, ("cylch", "sgwâr", "triongl", "croes", "modrwy", "seren"), strict=True))
FEMININE = frozenset({"croes", "modrwy", "seren"})
ADJECTIVES = {
    **dict(zip(SIZES, ("bach", "mawr"), strict=True)),
    **dict(zip(COLOURS, ("coch", "oren", "melyn", "gwyrdd", "gwyrddlas", "glas", "porffor", "du"), strict=True)),
}
FEMININE_STEMS = {
    "melyn": "melen",
    "gwyrdd": "gwerdd",
}  # the few adjectives with a vowel of their own for feminine nouns
# What a word's first letter becomes; of the letters that begin a word here, those that are not listed stay.
SOFT = {"p": "b", "t": "d", "c": "g", "b": "f", "d": "dd", "g": "", "m": "f"}
ASPIRATE = {"p": "ph", "t": "th", "c": "ch"}
# Where the first object stands from the second, and the mutation that the last word of it brings about.
RELATIONS = {
    "above": ("uwchben", {}),
    "below": ("o dan", SOFT),
    "left of": ("i'r chwith o", SOFT),
    "right of": ("i'r dde o", SOFT),
}
PLACES = {
    "top": "ar y brig",
    "bottom": "ar y gwaelod",
    "left": "ar y chwith",
    "right": "ar y dde",
    "middle": "yn y canol",
}
AND, NOTHING = "a", "dim byd"


def mutate(word: str, mutation: dict[str, str]) -> str:
    """Return `word` with its first letter changed by `mutation`, `SOFT`, `ASPIRATE` or none, such as cylch to gylch."""
    return mutation.get(word[0], word[0]) + word[1:]


def welsh_noun_phrase(thing: Thing, mutation: dict[str, str] | None = None) -> str:
    """Return the Welsh words for one object, such as "seren fawr goch"; `mutation` is that of the word before it."""
    noun = NOUNS[thing.shape]
    adjectives = [ADJECTIVES[thing.size], ADJECTIVES[thing.colour]]
    if noun in FEMININE:
        adjectives = [mutate(FEMININE_STEMS.get(word, word), SOFT) for word in adjectives]
    return " ".join([mutate(noun, mutation or {}), *adjectives])


def describe_in_welsh(scene: Scene) -> str:
    """Return the Welsh caption of one scene; it says just what `describe` says in English.

    One object is given with its place, two with their relation, more as a list with the place of each.
    """
    things = scene.things
    if len(things) == 2:
        words, mutation = RELATIONS[relation(scene, *things)]
        return f"{welsh_noun_phrase(things[0])} {words} {welsh_noun_phrase(things[1], mutation)}"
    phrases = [
        f"{welsh_noun_phrase(thing, ASPIRATE if i else {})} {_place(scene.place(thing))}"
        for i, thing in enumerate(things)
    ]
    return f" {AND} ".join(phrases) or NOTHING


def render_welsh_captions(scenes: Iterable[Scene]) -> list[str]:
    """Return the Welsh caption of each scene."""
    return [describe_in_welsh(scene) for scene in scenes]


def read_welsh(text: str, grid: int = 2) -> Scene:
    """Return a scene that a Welsh caption is true of, on a `grid` x `grid` picture.

    Objects that are given with their relation, not with their places, stand in the first row or column that suits it.

    Raises `UnknownWordError`, naming the words, if some are not among those of the captions; `ValueError` for an order
    of words that is no caption, and for a gender or a mutation that is wrong, with what would be right.
    """
    words = split_words(text)
    unknown = [word for word in words if word not in _WORDS]
    if unknown:
        raise unknown_words(unknown, sorted(_WORDS), "of the Welsh captions")
    text = " ".join(words)
    scene = Scene(tuple(_things(text, grid)), grid)
    right = describe_in_welsh(scene)
    if right != text:
        raise ValueError(f"{text!r} is not how Welsh says it: {right!r}")
    return scene


def _place(place: str) -> str:
    return " ".join(PLACES[word] for word in place.split())


def _things(text: str, grid: int) -> Iterable[Thing]:
    """The objects that a text names, in whatever gender and mutation."""
    if text == NOTHING:
        return
    between, *parts = _OBJECT.split(text)
    looks = [tuple(_MEANING[word] for word in parts[i : i + 3]) for i in range(0, len(parts), 4)]
    rests = [part.strip() for part in parts[3::4]]
    relations = {words: name for name, (words, _) in RELATIONS.items()}
    if len(looks) == 2 and not between and not rests[1] and rests[0] in relations:
        where = _PLACES_BY_RELATION[relations[rests[0]]]
        standing = [places(grid)[row * (grid - 1) * grid + column * (grid - 1)] for row, column in where]
    else:
        named = {_place(place): place for place in places(grid)}
        last = len(rests) - 1
        ends = [rest.removesuffix(f" {AND}") if i < last else rest for i, rest in enumerate(rests)]
        if between or not looks or any(end not in named for end in ends):
            raise ValueError(
                f"{text!r} is no Welsh caption: give an object (noun, size, colour) with its place, or two with "
                f"their relation, such as 'cylch mawr coch ar y brig ar y chwith'"
            )
        standing = [named[end] for end in ends]
    for (shape, size, colour), place in zip(looks, standing, strict=True):
        yield Thing.at(shape, colour, size, place, grid)


def _forms(word: str) -> set[str]:
    """Every form of a noun or an adjective that may stand in a caption, right or wrong."""
    stems = {word, FEMININE_STEMS.get(word, word)}
    return stems | {mutate(stem, mutation) for stem in stems for mutation in (SOFT, ASPIRATE)}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted({form for word in words for form in _forms(word)}, key=len, reverse=True))


_MEANING = {form: name for name, word in (NOUNS | ADJECTIVES).items() for form in _forms(word)}
_OBJECT = re.compile(
    rf"\b({_any_of(NOUNS.values())}) ({_any_of(ADJECTIVES[size] for size in SIZES)}) "
    rf"({_any_of(ADJECTIVES[colour] for colour in COLOURS)})\b"
)
_WORDS = frozenset(_MEANING).union(
    *(words.split() for words in (*PLACES.values(), *(words for words, _ in RELATIONS.values()), AND, NOTHING))
)
# row and column of the first and of the second object, 0 for the first and 1 for the last there is
_PLACES_BY_RELATION = {
    "above": ((0, 0), (1, 0)),
    "below": ((1, 0), (0, 0)),
    "left of": ((0, 0), (0, 1)),
    "right of": ((0, 1), (0, 0)),
}
