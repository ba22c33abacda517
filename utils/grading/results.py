"""A class as its exports and pages need it: its learners, their lessons and exercises, and what could not be graded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from utils.grading.gradebook import Entry, Problem
from utils.lessons import LESSONS


@dataclass(frozen=True)
class Task:
    """An exercise as the class met it: its number, title, and the points it can earn."""

    exercise: str
    title: str
    points: float


@dataclass(frozen=True, kw_only=True)
class Learner:
    """One person: the entry that counts for each lesson, in order, and what of theirs could not be graded."""

    learner: str
    name: str = ""
    platform: Mapping[str, str] = field(default_factory=dict)
    lessons: Mapping[str, Entry] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def earned(self) -> float:
        """The points earned in all lessons."""
        return round(sum(entry.grade.earned for entry in self.lessons.values()), 2)

    @property
    def not_graded(self) -> list[str]:
        """The exercises that were not graded, by the course's own fault."""
        grades = (one for entry in self.lessons.values() for one in entry.grade.exercises)
        return [one.exercise for one in grades if one.status == "not graded"]


@dataclass(frozen=True, kw_only=True)
class ClassResults:
    """The tasks of each lesson that was handed in, the learners by identifier, and all that could not be graded."""

    tasks: Mapping[str, tuple[Task, ...]]
    learners: tuple[Learner, ...]
    problems: tuple[Problem, ...]

    def points(self, lesson: str | None = None) -> float:
        """The points that can be earned in a lesson, or in all."""
        lessons = self.tasks if lesson is None else (lesson,)
        return sum(task.points for lesson in lessons for task in self.tasks[lesson])

    @property
    def entries(self) -> list[Entry]:
        """Every entry that counts, by learner and lesson."""
        return [entry for learner in self.learners for entry in learner.lessons.values()]


def class_results(entries: Iterable[Entry], problems: Iterable[Problem]) -> ClassResults:
    """Arrange what a gradebook gives: `class_results(book.entries(keep), book.problems())`.

    `entries` hold at most one for each learner and lesson.
    """
    entries = sorted(entries, key=lambda entry: (entry.learner, in_order(entry.grade.lesson)))
    problems = tuple(problems)
    tasks: dict[str, dict[str, Task]] = {}
    # a stale grade may tell of an earlier state of the course, so the others have the last word
    for entry in sorted(entries, key=lambda entry: not entry.stale):
        of_lesson = tasks.setdefault(entry.grade.lesson, {})
        of_lesson.update((one.exercise, Task(one.exercise, one.title, one.points)) for one in entry.grade.exercises)
    identifiers = {one.learner for one in chain(entries, problems) if one.learner}
    return ClassResults(
        tasks={
            lesson: tuple(tasks[lesson][exercise] for exercise in sorted(tasks[lesson], key=in_order))
            for lesson in sorted(tasks, key=in_order)
        },
        learners=_learners(sorted(identifiers), entries, problems),
        problems=problems,
    )


def lesson_title(lesson: str) -> str:
    """Return a lesson's number and title: "2.3 Contrastive alignment"."""
    return next((f"{known.id} {known.title}" for known in LESSONS if known.id == lesson), lesson)


def in_order(number: str) -> tuple:
    """Return what to sort the numbers of lessons and exercises by: 2.10 comes after 2.9."""
    return [int(part) for part in re.findall("[0-9]+", number)], number


def _learners(identifiers: list[str], entries: list[Entry], problems: tuple[Problem, ...]) -> tuple[Learner, ...]:
    found = {identifier: Learner(learner=identifier) for identifier in identifiers}
    lessons: dict[str, dict[str, Entry]] = {identifier: {} for identifier in identifiers}
    theirs: dict[str, list[Problem]] = {identifier: [] for identifier in identifiers}
    for entry in entries:
        lessons[entry.learner][entry.grade.lesson] = entry
    for problem in problems:
        if problem.learner:
            theirs[problem.learner].append(problem)
    return tuple(
        Learner(
            learner=identifier,
            name=next((one.name for one in (*lessons[identifier].values(), *theirs[identifier]) if one.name), ""),
            platform={key: value for entry in lessons[identifier].values() for key, value in entry.platform.items()},
            lessons=lessons[identifier],
            problems=tuple(theirs[identifier]),
        )
        for identifier in found
    )
