"""Notebooks as learners hand them in, honest and hostile: made from the course's own, and from two toy lessons.

The toy lessons have exercises with time limits of a second, so that attacks which have to be waited for are quick.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from utils.exercises import Case, Exercise, Misconception, custom, normal
from utils.exercises.registry import find_exercise
from utils.lessons import LESSONS, Lesson
from utils.publishing.regions import clear_solution
from utils.publishing.submission import read_pristine

TOYS = Lesson(id="9.7", path="9_hostile/7_toys", title="Toys", question="What is twice a table?", minutes=1)
SECRETS = Lesson(id="9.9", path="9_hostile/9_secrets", title="Secrets", question="Who knows?", minutes=1)
PROBES = Lesson(id="9.8", path="9_hostile/8_probes", title="Probes", question="What can be reached?", minutes=1)
ALL_LESSONS = (*LESSONS, TOYS, PROBES, SECRETS)

COMMON = {"difficulty": 1, "importance": 1, "minutes": 1, "hints": ("Read it.", "Write it.", "Run it.")}


def _tables(rng):
    return [Case(args=(normal(rng, 3, 4),), group="small"), Case(args=(normal(rng, 7, 2),), group="tall")]


DOUBLED = Exercise(
    id="9.7.1",
    title="Twice",
    kind="function",
    entry="doubled",
    points=2,
    reference=lambda table: 2 * table,
    cases=_tables,
    misconceptions=(Misconception(name="squared", sentence="That is the square.", answer=lambda table: table**2),),
    time_limit=1.0,
    **COMMON,
)
ROW_SUMS = Exercise(
    id="9.7.2",
    title="Sums of rows",
    kind="function",
    entry="row_sums",
    points=3,
    reference=lambda table: table.sum(dim=1),
    cases=_tables,
    misconceptions=(
        Misconception(name="columns", sentence="Those are columns.", answer=lambda table: table.sum(dim=0)),
    ),
    time_limit=1.0,
    **COMMON,
)
CHOICE = Exercise(
    id="9.7.3",
    title="Which one",
    kind="choice",
    entry="choice",
    points=1,
    reference=("b", 2),
    options={"a": "The first", "b": "The second"},
    reasons=("It is first", "It is second"),
    misconceptions=(Misconception(name="first", sentence="It is not the first.", answer=("a", 1)),),
    **COMMON,
)

reached: list[Any] = []
"""What the last probe said that it had reached, as it arrived in the trusted process."""


def _note(got: Any, expected: Any, case: Case) -> str:
    reached.append(got)
    return ""


PROBE = Exercise(
    id="9.8.1",
    title="What can be reached",
    kind="function",
    entry="probe",
    points=1,
    reference=lambda: "whatever it was",
    cases=lambda rng: [Case()],
    compare=custom(_note),
    misconceptions=(Misconception(name="nothing", sentence="It reached nothing.", answer=lambda: None),),
    time_limit=60.0,
    **COMMON,
)

drawn: list[int] = []
"""The secret numbers of the cases that were drawn last."""


def _secrets(rng):
    drawn[:] = [int(number) for number in rng.integers(10**12, 10**13, 2)]
    return [Case(args=(number,), group=name) for number, name in zip(drawn, ("first", "second"), strict=True)]


HALVED = Exercise(
    id="9.9.1",
    title="Half of it",
    kind="function",
    entry="halved",
    points=2,
    reference=lambda number: number / 2,
    cases=_secrets,
    misconceptions=(
        Misconception(name="whole", sentence="That is whole division.", answer=lambda number: number // 2),
    ),
    time_limit=1.0,
    **COMMON,
)
TOY_EXERCISES = (DOUBLED, ROW_SUMS, CHOICE, PROBE, HALVED)

RIGHT_TOYS = {
    "9.7.1": "def doubled(table):\n    return table + table",
    "9.7.2": "def row_sums(table):\n    return torch.stack([row.sum() for row in table])",
    "9.7.3": 'choice = ("b", 2)',
    "9.8.1": "def probe():\n    return 42",
    "9.9.1": "def halved(number):\n    return number / 2",
}
SETUP = "import math\n\nimport torch\n\nfrom utils.exercises import check"


def write_solutions(folder: Path) -> Path:
    """Put the course's solution notebooks and those of the toy lessons below `folder`; return it."""
    for lesson in ALL_LESSONS:
        path = folder / f"{lesson.path}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        if lesson in LESSONS:
            path.symlink_to(lesson.solution)
        else:
            path.write_text(json.dumps(_solved_toys(lesson)), encoding="utf-8")
    return folder


def _solved_toys(lesson: Lesson) -> dict:
    """Return a toy lesson's executed solution notebook."""
    cells = [_cell("setup", SETUP, tags=["setup"])]
    for exercise in [exercise for exercise in TOY_EXERCISES if exercise.lesson == lesson.id]:
        number, answer = exercise.id.replace(".", "-"), RIGHT_TOYS[exercise.id]
        if exercise is CHOICE:
            source = f"### BEGIN SOLUTION\n{answer}\n### STUB\n# choice = ...\n### END SOLUTION"
        else:
            first, _, rest = answer.partition("\n")
            source = f"{first}\n    ### BEGIN SOLUTION\n{rest}\n    ### END SOLUTION"
        nbgrader = {"grade": True, "grade_id": f"check-{number}", "points": exercise.points, "solution": False}
        check = _cell(
            f"check-{number}",
            f'check("{exercise.id}", {exercise.entry})',
            course={"check": exercise.id},
            nbgrader=nbgrader,
        )
        said = f"{exercise.id} {exercise.title}: passed, {exercise.points} points"
        check["outputs"] = [{"output_type": "stream", "name": "stdout", "text": said}]
        cells += [_cell(f"answer-{number}", source, course={"answer": exercise.id}), check]
    metadata = {"course": {"lesson": lesson.id}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _cell(identifier: str, source: str, **metadata: Any) -> dict:
    return {
        "cell_type": "code",
        "id": identifier,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


@cache
def _fresh(lesson: str) -> dict:
    """Return the learner's notebook of a lesson, as the course gives it out."""
    found = next(each for each in ALL_LESSONS if each.id == lesson)
    if found in LESSONS:
        return json.loads(found.notebook.read_text(encoding="utf-8"))
    content = _solved_toys(found)
    for cell in content["cells"]:
        cell.update(outputs=[], source=clear_solution(cell["source"], cell["metadata"].get("course", {}).get("answer")))
    return content


@cache
def right_answers(lesson: str) -> dict[str, str]:
    """Return the right answer to each exercise of a lesson, in order: for the course's own, its solutions."""
    for real in LESSONS:
        if real.id == lesson:
            cells = read_pristine(real.solution).content["cells"]
            sources = {cell["metadata"].get("course", {}).get("answer"): "".join(cell["source"]) for cell in cells}
            return {exercise: source for exercise, source in sources.items() if exercise}
    return {exercise: source for exercise, source in RIGHT_TOYS.items() if exercise.startswith(f"{lesson}.")}


def points_of(lesson: str) -> dict[str, int]:
    """Return what each exercise of a lesson is worth."""
    return {exercise: find_exercise(exercise).points for exercise in right_answers(lesson)}


class Book:
    """A learner's notebook of one lesson with answers filled in; edit `content`, which is nbformat JSON, at will."""

    def __init__(self, lesson: str, answers: dict[str, str] | None = None) -> None:
        self.lesson = lesson
        self.content = copy.deepcopy(_fresh(lesson))
        for exercise, source in (answers or {}).items():
            self.answer(exercise)["source"] = source

    @property
    def cells(self) -> list[dict]:
        return self.content["cells"]

    def answer(self, exercise: str) -> dict:
        """Return an exercise's answer cell."""
        return next(cell for cell in self.cells if cell["metadata"].get("course", {}).get("answer") == exercise)

    def check(self, exercise: str) -> dict:
        """Return an exercise's check cell."""
        return next(cell for cell in self.cells if cell["metadata"].get("course", {}).get("check") == exercise)

    def to_bytes(self) -> bytes:
        return json.dumps(self.content).encode()


def honest(lesson: str, answers: Mapping[str, str] | None = None) -> Book:
    """Return a notebook in which every exercise is answered rightly, save those of `answers`."""
    return Book(lesson, right_answers(lesson) | dict(answers or {}))


def wrong(exercise: str) -> str:
    """Return an answer of the right form to an exercise, and of no worth."""
    definition = find_exercise(exercise)
    if definition.kind == "choice":
        return f'{definition.entry} = ("{next(iter(definition.options))}", 1)'
    if definition.runs_as == "value":
        return (
            f"{definition.entry} = {{'temperature': 9.0}}" if definition.kind == "tune" else f"{definition.entry} = -1"
        )
    if definition.runs_as == "module":
        return f"class {definition.entry}(torch.nn.Module):\n    pass"
    return f"def {definition.entry}(*args, **kwargs):\n    return torch.zeros(3)"


def descendants() -> set[int]:
    """Return the processes that descend from this one, but for those of the browser tests: they end when they like."""
    parents, own = {}, os.getpid()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes() if parent == own else b""
            except OSError:  # it has just ended
                continue
            if b"jupyterlab" not in command and b"playwright" not in command:
                parents[int(folder.name)] = parent
    found, new = set(), {own}
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in found} - found
    return found - {own}
