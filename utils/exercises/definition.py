"""What an exercise is: plain records that the notebook's check, the tests and a grader all read.

An `Exercise` says how an answer is judged: fresh random `Case`s, a reference, a `Comparison`, and the
`Misconception`s, wrong answers that have a name. Nothing here runs anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    import torch

Kind = Literal["function", "module", "number", "choice", "bug", "tune"]
Direction = Literal["at least", "at most"]
RunsAs = Literal["function", "module", "value"]


class DefinitionError(ValueError):
    """An exercise's definition is wrong: the course's mistake, never the learner's."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """When two outputs count as the same: `|got - expected| <= atol + rtol * |expected|`.

    A tolerance of None is chosen by the expected precision. With `same_dtype`, a wider float or another integer width
    is refused. With `judge`, that function decides alone: it gets the output, the expected one and the case, and
    returns "" for right or a sentence that says what is wrong.
    """

    rtol: float | None = None
    atol: float | None = None
    same_dtype: bool = False
    judge: Callable[[Any, Any, Case], str] | None = None


def close(rtol: float | None = None, atol: float | None = None, *, same_dtype: bool = False) -> Comparison:
    """Numbers may differ by rounding; by default 1e-4 relative and 1e-5 absolute in fp32, 1e-8 both in fp64."""
    return Comparison(rtol=rtol, atol=atol, same_dtype=same_dtype)


def exact(*, same_dtype: bool = False) -> Comparison:
    """Every number and string must be equal."""
    return Comparison(rtol=0.0, atol=0.0, same_dtype=same_dtype)


def custom(judge: Callable[[Any, Any, Case], str]) -> Comparison:
    """`judge(got, expected, case)` returns "" when `got` is right, else a sentence that says what is wrong.

    The sentence must hold no number of the case: reports that learners read about hidden cases quote it.
    """
    return Comparison(judge=judge)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """The inputs of one call, plain data and tensors only: the answer is called with `*args, **kwargs`.

    `group` names the part of the exercise that the case belongs to; each part earns an equal share of the points.
    For a module, `init` holds the constructor's keyword arguments and `weights` the seed from which its weights are
    drawn (the reference's, with gates and biases moved off the constant at which they start); with `weights=None` each
    answer keeps the weights that its own constructor gave it. `state` is filled in by `make_cases`.
    """

    args: tuple = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    init: Mapping[str, Any] = field(default_factory=dict)
    weights: int | None = None
    state: Mapping[str, torch.Tensor] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Misconception:
    """A wrong answer that has a name, and the sentence that a good teacher would say to whoever gave it.

    `answer` is what someone who holds it would write: a function, a class, a value. A learner's answer is recognised
    when it gives the same outputs on the same cases, or when `when(output)` is true of each of its outputs (for
    mistakes with many faces: `when=lambda number: number > 10`). `planted` marks the code that a find-the-bug
    exercise starts from.
    """

    name: str
    sentence: str
    answer: Any
    when: Callable[[Any], bool] | None = None
    planted: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Exercise:
    """One exercise. Raises `DefinitionError`, which lists every fault, when its definition makes no sense.

    `entry` is the name that the answer cell defines. `minutes` is the time it should take, `time_limit` the seconds
    that all calls of an answer may take together. `alternatives` are other right answers, differently written; only
    the tests use them. `cases(rng)` draws the cases of a function, module or bug; `options` and `reasons` belong to a
    choice, whose answer is a pair such as `("b", 3)`; `measure(settings, rng)`, `target` and `direction` to a tune,
    whose answer is a dictionary with the reference's keys; `measure` raises ValueError for settings out of range.
    """

    id: str
    title: str
    kind: Kind
    entry: str
    points: int
    difficulty: int
    importance: int
    minutes: int
    reference: Any
    hints: tuple[str, str, str]
    cases: Callable[[np.random.Generator], Sequence[Case]] | None = None
    misconceptions: tuple[Misconception, ...] = ()
    alternatives: tuple = ()
    compare: Comparison = field(default_factory=close)
    time_limit: float = 10.0
    options: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    measure: Callable[[Mapping[str, Any], np.random.Generator], float] | None = None
    target: float | None = None
    direction: Direction = "at least"

    def __post_init__(self) -> None:
        faults = _faults(self)
        if faults:
            raise DefinitionError(f"exercise {self.id!r}: " + "; ".join(faults))

    @property
    def lesson(self) -> str:
        """The lesson's id: "2.3" for exercise "2.3.1"."""
        return self.id.rpartition(".")[0]

    @property
    def runs_as(self) -> RunsAs:
        """How an answer is run: called, built and called, or taken as the value it is. A bug may sit in either code."""
        if self.kind in ("function", "module", "bug"):
            return "module" if isinstance(self.reference, type) else "function"
        return "value"


def header(exercise: Exercise) -> str:
    """Return the exercise's heading as one line of markdown; the dots are followed by the same in digits."""

    def dots(level: int) -> str:
        return "●" * level + "○" * (5 - level) + f" {level}/5"

    return (
        f"**{exercise.id} {exercise.title}** · Difficulty {dots(exercise.difficulty)} · "
        f"Importance {dots(exercise.importance)} · {count(exercise.minutes, 'minute')} · "
        f"{count(exercise.points, 'point')}"
    )


def count(number: float, noun: str) -> str:
    """Return `number` and its noun: "1 point", "3 points", "1.5 points"."""
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"


def normal(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Return a float32 tensor of standard normal numbers, for `cases`."""
    import torch

    return torch.from_numpy(rng.standard_normal(shape)).to(torch.float32)


def integers(rng: np.random.Generator, low: int, high: int, *shape: int) -> torch.Tensor:
    """Return an int64 tensor of whole numbers from `low` up to, but not including, `high`, for `cases`."""
    import torch

    return torch.as_tensor(rng.integers(low, high, shape))


def _faults(exercise: Exercise) -> list[str]:
    """Everything that is wrong with the definition, each in a few words."""
    faults = []

    def need(holds: bool, otherwise: str) -> None:
        if not holds:
            faults.append(otherwise)

    need(bool(re.fullmatch(r"\d+\.\d+\.\d+", exercise.id)), "the id must be three numbers, such as 2.3.1")
    need(bool(exercise.title.strip()) and "\n" not in exercise.title, "the title must be one line")
    need(exercise.entry.isidentifier(), f"the entry {exercise.entry!r} must be a Python name")
    need(isinstance(exercise.points, int) and exercise.points >= 1, "points must be a whole number of 1 or more")
    for name in ("difficulty", "importance"):
        need(getattr(exercise, name) in range(1, 6), f"{name} must be 1, 2, 3, 4 or 5")
    need(exercise.minutes > 0, "minutes must be positive")
    need(exercise.time_limit > 0, "time_limit must be positive seconds")
    need(
        isinstance(exercise.hints, tuple) and len(exercise.hints) == 3 and all(hint.strip() for hint in exercise.hints),
        "there must be exactly three hints, none empty",
    )
    need(isinstance(exercise.compare, Comparison), "compare must come from close(), exact() or custom()")
    names = [misconception.name for misconception in exercise.misconceptions]
    need(len(set(names)) == len(names), "two misconceptions have the same name")
    for misconception in exercise.misconceptions:
        need(
            bool(misconception.name.strip() and misconception.sentence.strip()),
            "a misconception lacks name or sentence",
        )
    planted = sum(misconception.planted for misconception in exercise.misconceptions)
    need(planted == (exercise.kind == "bug"), "a bug has exactly one planted misconception, other kinds have none")

    if exercise.kind not in get_args(Kind):
        faults.append(f"the kind {exercise.kind!r} must be one of {', '.join(get_args(Kind))}")
    elif exercise.kind in ("function", "module", "bug"):
        faults += _faults_of_code(exercise)
    else:
        need(exercise.cases is None, f"a {exercise.kind} has no cases")
        if exercise.kind == "choice":
            faults += _faults_of_choice(exercise)
        elif exercise.kind == "tune":
            faults += _faults_of_tune(exercise)
    return faults


def _faults_of_code(exercise: Exercise) -> list[str]:
    faults = [] if callable(exercise.cases) else [f"a {exercise.kind} needs cases(rng)"]
    answers = [exercise.reference, *exercise.alternatives, *(wrong.answer for wrong in exercise.misconceptions)]
    if not all(callable(answer) for answer in answers):
        faults.append("reference, alternatives and misconceptions must be callable")
    elif exercise.kind == "module" and not isinstance(exercise.reference, type):
        faults.append("a module's reference must be a class")
    elif exercise.kind == "function" and isinstance(exercise.reference, type):
        faults.append("a function's reference must not be a class; is this a module?")
    elif len({isinstance(answer, type) for answer in answers}) > 1:
        faults.append("reference, alternatives and misconceptions must all be classes, or none of them")
    return faults


def _faults_of_choice(exercise: Exercise) -> list[str]:
    letters, count_of_reasons = tuple(exercise.options), len(exercise.reasons)
    if letters != tuple("abcdefgh"[: len(letters)]) or len(letters) < 2 or count_of_reasons < 2:
        return ["a choice needs options {'a': ..., 'b': ...} and at least two reasons"]
    answers = [exercise.reference, *(wrong.answer for wrong in exercise.misconceptions)]
    possible = [(letter, number) for letter in letters for number in range(1, count_of_reasons + 1)]
    return [
        f"{answer!r} is not one of the options with one of the reasons" for answer in answers if answer not in possible
    ]


def _faults_of_tune(exercise: Exercise) -> list[str]:
    faults = []
    if not callable(exercise.measure) or exercise.target is None:
        faults.append("a tune needs measure(settings, rng) and a target")
    if exercise.direction not in get_args(Direction):
        faults.append(f"the direction must be one of {', '.join(get_args(Direction))}")
    if not isinstance(exercise.reference, Mapping) or not exercise.reference:
        faults.append("a tune's reference must be a dictionary of settings")
    elif any(set(wrong.answer) != set(exercise.reference) for wrong in exercise.misconceptions):
        faults.append("a misconception's settings must have the reference's keys")
    return faults
