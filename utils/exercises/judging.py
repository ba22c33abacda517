"""From outcomes to a verdict. Pure: nothing is run, so that a grader can judge what came back from another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from utils.exercises.comparing import Difference, find_difference
from utils.exercises.definition import Case, DefinitionError, Exercise, Misconception, close
from utils.exercises.describing import describe, is_number, short
from utils.exercises.running import Outcome, Problem, wrong_settings

Status = Literal["passed", "to do", "not yet", "crashed", "too slow"]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said about an answer.

    `public_text` says what is wrong without any number of the cases; `detail` adds one differing number or an error's
    message, for self-study only. `case` is the index of the case that is told about, and `difference` or `problem` what
    happened there. `groups` maps each part of the exercise to whether it passed; `earned` is its share of the points.
    """

    status: Status
    earned: float
    public_text: str = ""
    detail: str = ""
    misconception: Misconception | None = None
    case: int | None = None
    difference: Difference | None = None
    problem: Problem | None = None
    groups: Mapping[str, bool] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.status == "passed"


def judge(
    exercise: Exercise,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    expected: Sequence[Outcome],
    wrong: Mapping[str, Sequence[Outcome]] | None = None,
) -> Verdict:
    """Judge `outcomes` against the reference's, `expected`, on the same `cases`.

    `wrong` holds the outcomes of the misconceptions on these cases, by name; without it none is recognised, which is
    enough to learn whether the answer passes. Raises `DefinitionError` when the reference itself failed.
    """
    for outcome in expected:
        if outcome.problem:
            raise DefinitionError(f"exercise {exercise.id!r}: the reference fails: {outcome.problem}")
    failures = [_failure(exercise, *triple) for triple in zip(cases, outcomes, expected, strict=True)]
    groups = {case.group: True for case in cases}
    for case, failure in zip(cases, failures, strict=True):
        groups[case.group] &= failure is None
    earned = round(exercise.points * sum(groups.values()) / len(groups), 2)
    if all(groups.values()):
        return Verdict("passed", earned, groups=groups)

    status = _status([failure for failure in failures if failure])
    index = next(index for index, failure in enumerate(failures) if _tells(failure, status))
    failure = failures[index]
    recognise = wrong and status not in ("to do", "too slow")
    misconception = _recognise(exercise, cases, outcomes, expected, wrong) if recognise else None
    untouched = misconception is not None and misconception.planted
    return Verdict(
        status="to do" if untouched else status,
        earned=0.0 if untouched else earned,
        public_text=_sentence(exercise, failure, outcomes[index]),
        detail=_detail(exercise, failure),
        misconception=misconception,
        case=index,
        difference=failure if isinstance(failure, Difference) else None,
        problem=failure if isinstance(failure, Problem) else None,
        groups=groups,
    )


def agree(exercise: Exercise, cases: Sequence[Case], some: Sequence[Outcome], others: Sequence[Outcome]) -> bool:
    """Whether two answers cannot be told apart on these cases: same values, same errors, same inputs changed."""
    # how a custom comparison judges says nothing about whether two wrong answers are the same
    comparison = close() if exercise.compare.judge else exercise.compare
    return all(
        _same_problem(one.problem, other.problem)
        if one.problem or other.problem
        else bool(one.mutated) == bool(other.mutated)
        and find_difference(one.value, other.value, comparison, case) is None
        for case, one, other in zip(cases, some, others, strict=True)
    )


def _failure(exercise: Exercise, case: Case, outcome: Outcome, expected: Outcome) -> Problem | Difference | None:
    """What is wrong with this outcome, or None."""
    if outcome.problem:
        return outcome.problem
    if exercise.kind == "choice":
        return _compare_choice(exercise, outcome.value, expected.value)
    if exercise.kind == "tune":
        return _compare_with_target(exercise, outcome)
    difference = find_difference(outcome.value, expected.value, exercise.compare, case)
    if difference is None and outcome.mutated:
        names = " and ".join(outcome.mutated)
        sentence = f"the right values, but changed its input {names}, which belongs to the caller: work on a copy"
        return Difference("mutated", sentence)
    return difference


def _compare_choice(exercise: Exercise, got: Any, expected: tuple[str, int]) -> Difference | None:
    form = f'a pair such as ("{next(iter(exercise.options))}", 1): the letter of an option, the number of a reason'
    if got is None:
        return Difference("none", f"None where {form} was expected")
    if not (isinstance(got, tuple | list) and len(got) == 2 and isinstance(got[0], str) and is_number(got[1])):
        return Difference("type", f"{describe(got)} where {form} was expected")
    letter, number = got[0].strip().lower(), got[1]
    if letter not in exercise.options:
        return Difference("type", f"option {got[0]!r} where one of {', '.join(exercise.options)} was expected")
    if number not in range(1, len(exercise.reasons) + 1):
        return Difference("type", f"reason {number} where a number from 1 to {len(exercise.reasons)} was expected")
    if letter != expected[0]:
        return Difference("option", f"option {letter}, which is not the right one")
    if number != expected[1]:
        return Difference("reason", f"the right option, {letter}, with reason {number}, which is not why")
    return None


def _compare_with_target(exercise: Exercise, outcome: Outcome) -> Difference | None:
    form = wrong_settings(exercise, outcome.value)
    if form:
        return Difference("none" if outcome.value is None else "keys", form)
    reached, target = outcome.measured, exercise.target
    if reached is None:
        raise DefinitionError(
            f"exercise {exercise.id!r}: the settings of a tune must be measured before they are judged"
        )
    if reached != reached:  # NaN is the one number that is not equal to itself
        return Difference("nan", "NaN when measured: training has diverged, or a setting is out of its range")
    if (reached >= target) if exercise.direction == "at least" else (reached <= target):
        return None
    return Difference(
        "target",
        f"{short(reached)} when measured, where {exercise.direction} {short(target)} is the target",
        largest=abs(reached - target),
    )


def _status(failures: Sequence[Problem | Difference]) -> Status:
    kinds = {failure.kind for failure in failures if isinstance(failure, Problem)}
    if "too slow" in kinds:
        return "too slow"
    if "to do" in kinds:
        return "to do"
    return "crashed" if "error" in kinds else "not yet"


def _tells(failure: Problem | Difference | None, status: Status) -> bool:
    """Whether this failure is one that explains the status."""
    kind = {"too slow": "too slow", "to do": "to do", "crashed": "error"}.get(status)
    return failure is not None and (kind is None or failure.kind == kind)


def _recognise(
    exercise: Exercise,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    expected: Sequence[Outcome],
    wrong: Mapping[str, Sequence[Outcome]],
) -> Misconception | None:
    """The first misconception that gives these very outcomes; failing that, the first whose `when` holds of each."""
    for misconception in exercise.misconceptions:
        theirs = wrong.get(misconception.name)
        # one that is right on all the cases drawn says nothing about this answer
        if theirs and not agree(exercise, cases, theirs, expected) and agree(exercise, cases, outcomes, theirs):
            return misconception
    if any(outcome.problem for outcome in outcomes):
        return None
    for misconception in exercise.misconceptions:
        if misconception.when and all(_holds(misconception, outcome.value) for outcome in outcomes):
            return misconception
    return None


def _holds(misconception: Misconception, value: Any) -> bool:
    try:
        return bool(misconception.when(value))
    except Exception:  # noqa: BLE001 - a predicate written for numbers may be handed anything
        return False


def _same_problem(one: Problem | None, other: Problem | None) -> bool:
    """Same error with the same message: another RuntimeError is another mistake. Line numbers do not count."""
    return (
        one is not None
        and other is not None
        and one.kind not in ("to do", "too slow", "not run")
        and (one.kind, one.type, one.message) == (other.kind, other.type, other.message)
    )


def _sentence(exercise: Exercise, failure: Problem | Difference, outcome: Outcome) -> str:
    """One sentence for learners and reports, without any number of the cases."""
    name = exercise.entry
    if isinstance(failure, Difference):
        if failure.kind == "custom":
            return failure.sentence
        if exercise.kind == "tune" and outcome.measured is not None:
            return f"{name} gives {failure.sentence}"
        if exercise.runs_as == "value":
            return f"{name} is {failure.sentence}"
        # the sentences about values hold their place already
        place = f" at {failure.where}" if failure.where and failure.kind not in ("value", "nan", "infinite") else ""
        return f"{name} returned {failure.sentence}{place}{_remedy(failure)}"
    if failure.kind == "error":  # its message may quote an input
        return f"{name} raised {failure.type}"
    if failure.kind == "to do":
        other = failure.message.removeprefix("exercise ").strip()
        waits = failure.message.startswith("exercise ") and other != exercise.id
        return f"it calls exercise {other}, which is still to do" if waits else ""
    return failure.message


def _remedy(failure: Difference) -> str:
    return ": is the `return` missing?" if failure.kind == "none" and not failure.where else ""


def _detail(exercise: Exercise, failure: Problem | Difference) -> str:
    if isinstance(failure, Problem):
        return failure.message if failure.kind == "error" else ""
    # the expected value of a number, a choice or a tune is the answer itself
    return "" if exercise.runs_as == "value" else failure.detail
