"""Find an exercise by its number; a lesson's definitions are imported when they are first asked for."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from utils.exercises.definition import DefinitionError, Exercise
from utils.lessons import LESSONS

_registered: dict[str, Exercise] = {}


class UnknownExercise(LookupError):
    """No exercise has this number; the message lists the nearest that exist."""


def find_exercise(identifier: str) -> Exercise:
    """Return exercise `identifier`, such as "2.3.1". Raises `UnknownExercise`, which names the nearest."""
    if identifier in _registered:
        return _registered[identifier]
    lesson = str(identifier).rpartition(".")[0]
    if any(known.id == lesson for known in LESSONS):
        for exercise in lesson_exercises(lesson, missing_ok=True):
            if exercise.id == identifier:
                return exercise
    known = [*(exercise.id for exercise in all_exercises(missing_ok=True)), *_registered]
    near = difflib.get_close_matches(str(identifier), known, n=5, cutoff=0.4) or known[:5]
    hint = f"near it are {', '.join(near)}" if near else "no exercise is defined yet"
    raise UnknownExercise(f"there is no exercise {identifier!r}; {hint}")


def lesson_exercises(lesson: str, *, missing_ok: bool = False) -> tuple[Exercise, ...]:
    """Return the exercises of a lesson such as "2.3", in order.

    Raises `DefinitionError` when its module is missing (unless `missing_ok`: then there are none), or when a number is
    given twice or belongs to another lesson.
    """
    name = f"utils.exercises.definitions.lesson_{lesson.replace('.', '_')}"
    if importlib.util.find_spec(name) is None:
        if missing_ok:
            return ()
        raise DefinitionError(f"lesson {lesson} has no exercises: there is no module {name}")
    return _load(name, lesson)


def all_exercises(*, missing_ok: bool = False) -> tuple[Exercise, ...]:
    """Return every exercise of every lesson, in the order of the course; `missing_ok` as in `lesson_exercises`."""
    return tuple(exercise for lesson in LESSONS for exercise in lesson_exercises(lesson.id, missing_ok=missing_ok))


@contextmanager
def registered(*exercises: Exercise) -> Iterator[None]:
    """Within this context, `find_exercise` also finds `exercises`: for tests."""
    before = dict(_registered)
    _registered.update({exercise.id: exercise for exercise in exercises})
    try:
        yield
    finally:
        _registered.clear()
        _registered.update(before)


@cache
def _load(module: str, lesson: str) -> tuple[Exercise, ...]:
    exercises = tuple(importlib.import_module(module).EXERCISES)
    identifiers = [exercise.id for exercise in exercises]
    if len(set(identifiers)) != len(identifiers):
        raise DefinitionError(f"{module} gives a number twice: {', '.join(identifiers)}")
    strangers = [exercise.id for exercise in exercises if exercise.lesson != lesson]
    if strangers:
        raise DefinitionError(f"{module} holds exercises of another lesson: {', '.join(strangers)}")
    return exercises
