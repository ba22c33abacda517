"""What a notebook calls: check an answer, open a hint, show the options, go on with what works."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from utils.exercises import progress, view
from utils.exercises.comparing import find_difference
from utils.exercises.definition import Case, Exercise, exact
from utils.exercises.judging import Verdict, agree, judge
from utils.exercises.registry import find_exercise
from utils.exercises.running import Outcome, can_limit_time, make_cases, measure_settings, plain, run_answer
from utils.lessons import ROOT, find_lesson

_last: dict[str, tuple[Any, Any, Verdict]] = {}
"""By exercise: the answer checked last, a copy of it if it is a value, and its verdict."""
_hints: dict[str, int] = {}
"""By exercise: how many hints were opened in this process."""


class ExerciseNotPassed(Exception):
    """Raised by `check` in strict mode, after the result was shown."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """A verdict with all that led to it."""

    exercise: Exercise
    verdict: Verdict
    cases: tuple[Case, ...]
    outcomes: tuple[Outcome, ...]
    expected: tuple[Outcome, ...]


def check(exercise_id: str, answer: Any, *, seed: int | None = None) -> None:
    """Check `answer` on fresh random cases and show the result; tell the misconception if it is a known one.

    Raises `UnknownExercise` for a number that does not exist, and `ExerciseNotPassed` when the answer does not pass
    and strictness is asked for (the environment has COURSE_STRICT=1, or NBGRADER_EXECUTION). Ctrl-C passes through.
    """
    exercise = find_exercise(exercise_id)
    assessment = assess(exercise, answer, seed)
    verdict = assessment.verdict
    _last[exercise.id] = (answer, plain(answer) if exercise.runs_as == "value" else None, verdict)
    notes = []
    if exercise.runs_as != "value" and not can_limit_time():
        notes.append("the time limit was not enforced: that is only possible in the main thread.")
    name = verdict.misconception.name if verdict.misconception and verdict.status != "to do" else None
    warning = progress.record_check(exercise.id, verdict.status, name)
    if warning:
        notes.append(warning)
    bundle = view.result_bundle(exercise, verdict, assessment.cases, assessment.outcomes, assessment.expected, notes)
    summary = {"exercise": exercise.id, "status": verdict.status, "earned": verdict.earned, "points": exercise.points}
    view.display_bundle(bundle, metadata={"course": summary})
    if not verdict.passed and is_strict():
        raise ExerciseNotPassed(view.status_line(exercise, verdict))


def working(exercise_id: str, answer: Any) -> Any:
    """Return `answer` if it passes its check, else the reference, so that the cells below can go on. Shows nothing.

    An answer whose last check passed, or ran out of time, in this process is not run again.
    """
    exercise = find_exercise(exercise_id)
    verdict = _remembered(exercise, answer)
    if verdict is None:
        verdict = assess(exercise, answer).verdict
    return answer if verdict.passed else exercise.reference


def hint(exercise_id: str) -> None:
    """Show the next of the exercise's three hints; after the third, where the solution lies."""
    exercise = find_exercise(exercise_id)
    number = min(_hints.get(exercise.id, 0), len(exercise.hints)) + 1
    _hints[exercise.id] = number
    warning = progress.record_hint(exercise.id, min(number, len(exercise.hints)))
    solution = find_lesson(exercise.lesson).solution.relative_to(ROOT).as_posix()
    view.display_bundle(view.hint_bundle(exercise, number, solution, [warning] if warning else []))


def options(exercise_id: str) -> None:
    """Show the options and the reasons of a choice exercise. Raises ValueError for another kind."""
    exercise = find_exercise(exercise_id)
    if exercise.kind != "choice":
        raise ValueError(f"exercise {exercise.id} is a {exercise.kind}: only a choice has options")
    view.display_bundle(view.options_bundle(exercise))


def assess(exercise: Exercise, answer: Any, seed: int | None = None) -> Assessment:
    """Check `answer` on cases drawn from `seed`, by default a fresh one; show and record nothing."""
    seed = int.from_bytes(os.urandom(4)) if seed is None else seed
    cases = make_cases(exercise, seed)
    outcomes, expected = run(exercise, answer, cases, seed), run(exercise, exercise.reference, cases, seed)
    verdict = judge(exercise, cases, outcomes, expected)
    if verdict.status in ("not yet", "crashed"):  # only then is it worth running the misconceptions
        verdict = judge(exercise, cases, outcomes, expected, run_misconceptions(exercise, cases, seed))
    return Assessment(exercise, verdict, cases, outcomes, expected)


def run(exercise: Exercise, answer: Any, cases: Sequence[Case], seed: int) -> tuple[Outcome, ...]:
    """Run `answer` on `cases` as the exercise's kind asks; `seed` draws the data on which a tune is measured."""
    outcomes = run_answer(answer, cases, runs_as=exercise.runs_as, entry=exercise.entry, time_limit=exercise.time_limit)
    if exercise.kind == "tune":
        return tuple(measure_settings(exercise, outcome, seed) for outcome in outcomes)
    return outcomes


def run_misconceptions(exercise: Exercise, cases: Sequence[Case], seed: int) -> dict[str, tuple[Outcome, ...]]:
    """Return the outcomes of each misconception on `cases`, by its name."""
    return {wrong.name: run(exercise, wrong.answer, cases, seed) for wrong in exercise.misconceptions}


def blind_spots(exercise: Exercise, seed: int) -> list[str]:
    """Say which misconceptions the cases drawn from `seed` cannot tell from the reference, or from each other."""
    cases = make_cases(exercise, seed)
    answers = {"the reference": run(exercise, exercise.reference, cases, seed)}
    answers |= run_misconceptions(exercise, cases, seed)
    names = list(answers)
    return [
        f"on seed {seed}, {second!r} gives the same as {first!r}"
        for index, first in enumerate(names)
        for second in names[index + 1 :]
        if agree(exercise, cases, answers[first], answers[second])
    ]


def distinguishes(exercise: Exercise, seed: int) -> bool:
    """Whether the cases drawn from `seed` tell every misconception from the reference and from every other."""
    return not blind_spots(exercise, seed)


def is_strict() -> bool:
    """Whether the environment asks that an answer which does not pass stops the notebook."""
    return os.environ.get("COURSE_STRICT") == "1" or "NBGRADER_EXECUTION" in os.environ


def _remembered(exercise: Exercise, answer: Any) -> Verdict | None:
    """The verdict of the last check in this process, if it was on this very answer and need not be asked again."""
    if exercise.id not in _last:
        return None
    checked, copy, verdict = _last[exercise.id]
    if exercise.runs_as == "value":
        same = type(checked) is type(answer) and find_difference(plain(answer), copy, exact(same_dtype=True)) is None
    else:
        same = checked is answer
    return verdict if same and verdict.status in ("passed", "too slow") else None
