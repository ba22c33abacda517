"""Questions about scenes with their answers, and an oracle that answers any such question from the scene itself.

The grammar, where "the A" is an object named by any of its size, colour and shape, or by its place, such as "the large
red circle", "the blue thing" or "the thing in the top left":

    colour       what colour is the A
    shape        what shape is the A
    size         what size is the A · how big is the A
    count        how many things are there · how many red things are there · how many circles are there
    place        where is the A
    relation     is the A above the B · what shape is the thing left of the A
    comparison   is the A larger than the B · which is smaller the A or the B
                 are the A and the B the same colour · are the A and the B different in size
    existence    is there a red circle · is there a large thing in the top left

Relations go by rows and columns of the scene's grid: "above" means in a higher row, "left of" in a column further left,
so one object can be both above and left of another. In a caption, which has one word to spend, the row wins.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from utils.world.captions import NUMBERS
from utils.world.scenes import COLOURS, ROWS, SHAPES, SIZES, SPLITS, Scene, places
from utils.world.tokenizer import split_words

KINDS = ("colour", "shape", "size", "count", "place", "relation", "comparison", "existence")
PLACES = tuple(dict.fromkeys(place for grid in ROWS for place in places(grid)))
ANSWERS = ("yes", "no", *COLOURS, *SHAPES, *SIZES, *NUMBERS, *PLACES)
RELATIONS: dict[str, Callable[[tuple[int, int], tuple[int, int]], bool]] = {  # of (row, column) to (row, column)
    "above": lambda a, b: a[0] < b[0],
    "below": lambda a, b: a[0] > b[0],
    "left of": lambda a, b: a[1] < b[1],
    "right of": lambda a, b: a[1] > b[1],
}
_ATTRIBUTES = {"size": SIZES, "colour": COLOURS, "shape": SHAPES}
_PLURALS = {"thing": "things", "cross": "crosses", **{shape: f"{shape}s" for shape in SHAPES if shape != "cross"}}
_SINGULARS = {plural: singular for singular, plural in _PLURALS.items()}
_LARGER = {"larger": ("large", "small"), "smaller": ("small", "large")}


@dataclass(frozen=True)
class Questions:
    """Questions with their answers and kinds; row i is about the scene numbered `scene[i]` of those asked about."""

    scene: Int[Tensor, " questions"]
    questions: list[str]
    answers: list[str]
    kinds: list[str]

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def labels(self) -> Int[Tensor, " questions"]:
        """Each answer as its number in `ANSWERS`, which is what a classifier predicts."""
        return torch.tensor([_LABELS[answer] for answer in self.answers], dtype=torch.long)


_LABELS = {answer: i for i, answer in enumerate(ANSWERS)}


def ask(scenes: Iterable[Scene], *, seed: int, kinds: Sequence[str] = KINDS, each: int = 1) -> Questions:
    """Return up to `each` different questions about each scene, of kinds drawn as evenly as the scenes admit.

    Every question has one right answer. Words alone give little away: yes and no are about equally frequent in every
    form, and the attribute asked for is never named. No question about a scene of training pairs names a held-out
    pair. A scene for which no question comes out is left out (a relation needs two objects, and a comparison is not
    asked where it would tip the balance): `scene` says which scene each question is about.

    Raises `ValueError` for unknown kinds.
    """
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if not kinds or not set(kinds) <= set(KINDS):
        raise ValueError(f"kinds must be some of {', '.join(KINDS)}, not {', '.join(map(repr, kinds)) or 'none'}")
    if each < 1:
        raise ValueError(f"each must be at least 1, not {each}")
    rng = random.Random(seed)
    rows: dict[tuple[int, str], tuple[str, str]] = {}
    for i, scene in enumerate(scenes):
        view, wanted = _View(scene), len(rows) + each
        for _ in range(each if each == 1 else 4 * each):  # a question that was asked already is drawn again
            for kind in rng.sample(kinds, len(kinds)):
                pair = _WRITERS[kind](view, rng)
                if pair:
                    rows.setdefault((i, pair[0]), (pair[1], kind))
                    break
            if len(rows) == wanted:
                break
    return Questions(
        scene=torch.tensor([i for i, _ in rows], dtype=torch.long),
        questions=[question for _, question in rows],
        answers=[answer for answer, _ in rows.values()],
        kinds=[kind for _, kind in rows.values()],
    )


def true_answer(scene: Scene, question: str) -> str:
    """Return the answer, one of `ANSWERS`, to a question of the grammar at the top of this module.

    Capitals and punctuation do not matter. Raises `ValueError` if the question is not of the grammar, or has no single
    answer in this scene, such as "what colour is the circle" where there are two circles.
    """
    text = " ".join(split_words(question))
    for pattern, find in _FORMS:
        match = pattern.fullmatch(text)
        if match:
            return find(_View(scene), **match.groupdict())
    raise ValueError(
        f"{question!r} is not a question that this world can answer; ask for example "
        "'what colour is the large circle', 'how many red things are there' or 'is the circle above the blue square'"
    )


class _Description(NamedTuple):
    """What is said of an object; None is left unsaid."""

    size: str | None = None
    colour: str | None = None
    shape: str | None = None
    place: str | None = None

    def fits(self, thing: _Description) -> bool:
        return all(said is None or said == true for said, true in zip(self, thing, strict=True))

    def keep(self, names: Iterable[str]) -> _Description:
        return _Description(**{name: getattr(self, name) for name in names})

    def __str__(self) -> str:
        words = [word for word in (self.size, self.colour, self.shape or "thing") if word]
        return " ".join(words) + (f" in the {self.place}" if self.place else "")

    @classmethod
    def parse(cls, text: str) -> _Description:
        return cls(**_DESCRIPTION.fullmatch(text).groupdict())


# Every way to name an object without its place: from "the thing" to "the large red circle".
_NAMINGS = tuple(names for n in range(4) for names in itertools.combinations(_ATTRIBUTES, n))


class _View:
    """A scene as full descriptions of its objects, and the (row, column) of each."""

    def __init__(self, scene: Scene):
        cells = [scene.cell(thing) for thing in scene.things]
        self.places = places(scene.grid)
        self.positions = [divmod(cell, scene.grid) for cell in cells]
        self.things = [
            _Description(thing.size, thing.colour, thing.shape, self.places[cell])
            for thing, cell in zip(scene.things, cells, strict=True)
        ]
        pairs = {(thing.shape, thing.colour) for thing in scene.things}
        # a question may name only pairs of the split from which the scene comes
        self.pairs = next(SPLITS[split] for split in ("seen", "held_out", "all") if pairs <= _PAIRS[split])

    def the(self, description: _Description) -> int:
        """The number of the one object that fits."""
        fitting = [i for i, thing in enumerate(self.things) if description.fits(thing)]
        _check_one(f"the {description}", fitting)
        return fitting[0]

    def name(self, i: int, rng: random.Random, *, hide: str = "", place: bool = False) -> str | None:
        """Words that fit only the object `i` and do not say `hide`, or None if there are none."""
        namings = [*_NAMINGS, ("place",)] if place else list(_NAMINGS)
        rng.shuffle(namings)
        for names in namings:
            description = self.things[i].keep(names)
            if hide not in names and sum(map(description.fits, self.things)) == 1:
                return f"the {description}"
        return None

    def related(self, relation: str, i: int) -> list[int]:
        """The numbers of the objects that stand in `relation` to the object `i`."""
        holds = RELATIONS[relation]
        return [k for k, position in enumerate(self.positions) if holds(position, self.positions[i])]

    def two(self, rng: random.Random, hide: str = "") -> tuple[int, int, str, str] | None:
        """Two random objects and their names, or None if there are no two or no names."""
        if len(self.things) < 2:
            return None
        i, j = rng.sample(range(len(self.things)), 2)
        first, second = self.name(i, rng, hide=hide), self.name(j, rng, hide=hide)
        return (i, j, first, second) if first and second else None


_PAIRS = {split: set(pairs) for split, pairs in SPLITS.items()}


def _check_one(name: str, fitting: list[int]) -> None:
    if len(fitting) != 1:
        amount = f"{len(fitting)} objects" if fitting else "no object"
        raise ValueError(f"{name!r} fits {amount} of this scene, and must fit just one")


def _yes(true: bool) -> str:
    return "yes" if true else "no"


# Writing questions: each writer returns a question and its answer, or None where the scene admits none of its kind.


def _write_attribute(attribute: str) -> Callable:
    forms = {"size": ("what size is", "how big is")}.get(attribute, (f"what {attribute} is",))

    def write(view: _View, rng: random.Random) -> tuple[str, str] | None:
        for i in rng.sample(range(len(view.things)), len(view.things)):
            name = view.name(i, rng, hide=attribute, place=True)
            if name:
                return f"{rng.choice(forms)} {name}", getattr(view.things[i], attribute)
        return None

    return write


def _write_place(view: _View, rng: random.Random) -> tuple[str, str] | None:
    for i in rng.sample(range(len(view.things)), len(view.things)):
        name = view.name(i, rng)
        if name:
            return f"where is {name}", view.things[i].place
    return None


def _write_count(view: _View, rng: random.Random) -> tuple[str, str]:
    attribute = rng.choice((None, *_ATTRIBUTES))
    if attribute is None:
        return "how many things are there", NUMBERS[len(view.things)]
    found = Counter(getattr(thing, attribute) for thing in view.things)
    values = _ATTRIBUTES[attribute]
    number = rng.choice(sorted({found[value] for value in values}))  # the number first, else nearly all would be zero
    value = rng.choice([value for value in values if found[value] == number])
    counted = _PLURALS[value] if attribute == "shape" else f"{value} things"
    return f"how many {counted} are there", NUMBERS[number]


def _write_relation(view: _View, rng: random.Random) -> tuple[str, str] | None:
    two = view.two(rng)
    if not two:
        return None
    i, j, first, second = two
    if rng.random() < 0.5:
        related = {word: view.related(word, j) for word in RELATIONS}
        words = [word for word, found in related.items() if len(found) == 1]
        if words:
            relation, attribute = rng.choice(words), rng.choice(tuple(_ATTRIBUTES))
            found = view.things[related[relation][0]]
            return f"what {attribute} is the thing {relation} {second}", getattr(found, attribute)
    wanted = rng.random() < 0.5
    here, there = view.positions[i], view.positions[j]
    relation = rng.choice([word for word, holds in RELATIONS.items() if holds(here, there) == wanted])
    return f"is {first} {relation} {second}", _yes(wanted)


def _write_comparison(view: _View, rng: random.Random) -> tuple[str, str] | None:
    """One form is drawn, and if it does not suit the scene there is no second try.

    With one, scenes whose objects are all of one size would always be asked whether they are: mostly answered by "yes".
    """
    return rng.choices(_COMPARISONS, _COMPARISON_WEIGHTS)[0](view, rng)


def _write_larger(view: _View, rng: random.Random) -> tuple[str, str] | None:
    two = view.two(rng, hide="size")
    if not two:
        return None
    i, j, first, second = two
    sizes = (view.things[i].size, view.things[j].size)
    if sizes[0] == sizes[1]:  # both "larger" and "smaller" would be false, and "no" too frequent
        return None
    word = rng.choice(tuple(_LARGER))
    return f"is {first} {word} than {second}", _yes(sizes == _LARGER[word])


def _write_which(view: _View, rng: random.Random) -> tuple[str, str] | None:
    if len(view.things) < 2:
        return None
    i, j = rng.sample(range(len(view.things)), 2)
    attribute, word = rng.choice(("colour", "shape")), rng.choice(tuple(_LARGER))
    two = [view.things[i], view.things[j]]
    names = [thing.keep([attribute]) for thing in two]
    unique = all(sum(map(name.fits, view.things)) == 1 for name in names)
    if not unique or two[0].size == two[1].size:
        return None
    winner = two[0] if two[0].size == _LARGER[word][0] else two[1]
    return f"which is {word} the {names[0]} or the {names[1]}", getattr(winner, attribute)


def _write_same(attribute: str) -> Callable:
    values = len(_ATTRIBUTES[attribute])

    def write(view: _View, rng: random.Random) -> tuple[str, str] | None:
        two = view.two(rng, hide=attribute)
        if not two:
            return None
        i, j, first, second = two
        same = getattr(view.things[i], attribute) == getattr(view.things[j], attribute)
        # Of two objects one pair in `values` is alike: ask about as many unlike ones as alike ones.
        if not same and rng.random() * (values - 1) > 1:
            return None
        if rng.random() < 0.5:
            return f"are {first} and {second} the same {attribute}", _yes(same)
        return f"are {first} and {second} different in {attribute}", _yes(not same)

    return write


_COMPARISONS = (_write_larger, _write_which, *map(_write_same, _ATTRIBUTES))
_COMPARISON_WEIGHTS = (3, 2, 3, 1, 1)


def _write_existence(view: _View, rng: random.Random) -> tuple[str, str] | None:
    """Both a true and a false question of one form are sought, and a coin says which is asked."""
    for _ in range(20):
        names = [*rng.choice(_NAMINGS), *(["place"] if rng.random() < 0.3 else [])]
        if not names:
            continue
        false = _absent(view, names, rng)
        if not false:
            continue
        if not view.things or rng.random() < 0.5:
            return f"is there {_article(false)}", "no"
        return f"is there {_article(rng.choice(view.things).keep(names))}", "yes"
    return None


def _absent(view: _View, names: Sequence[str], rng: random.Random) -> _Description | None:
    """A description that fits nothing in the scene but nearly does: one attribute is another's or is changed."""
    values = _ATTRIBUTES | {"place": view.places}
    for _ in range(4):
        if view.things:
            near = rng.choice(view.things).keep(names)
        else:
            near = _Description(**{name: rng.choice(values[name]) for name in names})
        changed = rng.choice(names)
        others = [getattr(thing, changed) for thing in view.things] if rng.random() < 0.5 else values[changed]
        false = near._replace(**{changed: rng.choice(others)}) if others else near
        named_pair = false.shape is not None and false.colour is not None
        if named_pair and (false.shape, false.colour) not in view.pairs:
            continue
        if not any(map(false.fits, view.things)):
            return false
    return None


def _article(description: _Description) -> str:
    return f"{'an' if str(description)[0] in 'aeiou' else 'a'} {description}"


_WRITERS: dict[str, Callable] = {
    **{attribute: _write_attribute(attribute) for attribute in _ATTRIBUTES},
    "count": _write_count,
    "place": _write_place,
    "relation": _write_relation,
    "comparison": _write_comparison,
    "existence": _write_existence,
}


# Answering: each form of the grammar is a pattern and a function of its named parts.


def _either(words: Iterable[str]) -> str:
    return "|".join(words)


_DESCRIPTION = re.compile(
    rf"(?:(?P<size>{_either(SIZES)}) )?(?:(?P<colour>{_either(COLOURS)}) )?"
    rf"(?:thing|(?P<shape>{_either(SHAPES)}))(?: in the (?P<place>{_either(PLACES)}))?"
)
_ANY = re.sub(r"\?P<\w+>", "?:", _DESCRIPTION.pattern)  # the same without names, for use inside other patterns
_ATTRIBUTE = rf"(?P<attribute>{_either(_ATTRIBUTES)})"
_RELATION = rf"(?P<relation>{_either(RELATIONS)})"
_THAN = rf"(?P<word>{_either(_LARGER)})"
_A, _B = rf"the (?P<a>{_ANY})", rf"the (?P<b>{_ANY})"


def _find_attribute(view: _View, a: str, attribute: str = "size") -> str:
    return getattr(view.things[view.the(_Description.parse(a))], attribute)


def _find_related(view: _View, attribute: str, relation: str, a: str) -> str:
    fitting = view.related(relation, view.the(_Description.parse(a)))
    _check_one(f"the thing {relation} the {a}", fitting)
    return getattr(view.things[fitting[0]], attribute)


def _find_count(view: _View, counted: str) -> str:
    *first, noun = counted.split()
    description = _Description.parse(" ".join([*first, _SINGULARS[noun]]))
    return NUMBERS[sum(map(description.fits, view.things))]


def _find_place(view: _View, a: str) -> str:
    return view.things[view.the(_Description.parse(a))].place


def _find_existence(view: _View, a: str) -> str:
    return _yes(any(map(_Description.parse(a).fits, view.things)))


def _find_relation(view: _View, a: str, relation: str, b: str) -> str:
    i, j = view.the(_Description.parse(a)), view.the(_Description.parse(b))
    return _yes(RELATIONS[relation](view.positions[i], view.positions[j]))


def _find_larger(view: _View, a: str, word: str, b: str) -> str:
    i, j = view.the(_Description.parse(a)), view.the(_Description.parse(b))
    return _yes((view.things[i].size, view.things[j].size) == _LARGER[word])


def _find_which(view: _View, a: str, word: str, b: str) -> str:
    said = (_Description.parse(a), _Description.parse(b))
    sizes = [view.things[view.the(description)].size for description in said]
    if sizes[0] == sizes[1]:
        raise ValueError(f"'the {a}' and 'the {b}' have the same size, so neither is {word}")
    winner = said[sizes.index(_LARGER[word][0])]
    for attribute in ("shape", "colour"):
        first, second = (getattr(description, attribute) for description in said)
        if first and second and first != second:
            return getattr(winner, attribute)
    raise ValueError(f"no one word tells 'the {a}' from 'the {b}'; name both by shape or both by colour")


def _find_same(view: _View, a: str, b: str, same: str | None, different: str | None) -> str:
    attribute = same or different
    i, j = view.the(_Description.parse(a)), view.the(_Description.parse(b))
    alike = getattr(view.things[i], attribute) == getattr(view.things[j], attribute)
    return _yes(alike == bool(same))


_FORMS: tuple[tuple[re.Pattern, Callable[..., str]], ...] = tuple(
    (re.compile(pattern), find)
    for pattern, find in (
        (rf"what {_ATTRIBUTE} is {_A}", _find_attribute),
        (rf"how big is {_A}", _find_attribute),
        (rf"what {_ATTRIBUTE} is the thing {_RELATION} {_A}", _find_related),
        (
            rf"how many (?P<counted>(?:(?:{_either(SIZES)}) )?(?:(?:{_either(COLOURS)}) )?(?:{_either(_SINGULARS)}))"
            r" are there",
            _find_count,
        ),
        (rf"where is {_A}", _find_place),
        (rf"is there an? (?P<a>{_ANY})", _find_existence),
        (rf"is {_A} {_RELATION} {_B}", _find_relation),
        (rf"is {_A} {_THAN} than {_B}", _find_larger),
        (rf"which is {_THAN} {_A} or {_B}", _find_which),
        (
            rf"are {_A} and {_B} (?:the same (?P<same>{_either(_ATTRIBUTES)})"
            rf"|different in (?P<different>{_either(_ATTRIBUTES)}))",
            _find_same,
        ),
    )
)
