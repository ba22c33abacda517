"""A lesson of toy exercises, one of each kind, as built notebook and as handed in; and answers as source, from objects.

Its course is kept apart from the real one: `with toy_lesson.defined(): Grader(**toy_lesson.build(folder))`.
"""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
import types
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from utils.exercises.definition import Exercise, Misconception
from utils.exercises.registry import registered
from utils.lessons import Lesson

sys.path.append(str(Path(__file__).resolve().parent.parent / "exercises"))
import toys

LESSON = Lesson(id="0.9", path="0_toys/9_toys", title="Toys", question="Which?", minutes=1)
UNBUILT = Lesson(id="0.8", path="0_toys/8_not_built", title="Not built", question="When?", minutes=1)
SETUP = "import math\n\nimport torch\n\nfrom utils.exercises import check"


def greedy(settings, rng):
    """Takes what it is told to: memory, time, or a setting that is out of range."""
    if settings["steps"] < 0:
        raise ValueError("steps must be 0 or more")
    taken = bytearray(int(settings["bytes"]))
    for _ in range(int(settings["steps"])):
        taken[:1] = b"x"
    return float(settings["bytes"] == 1)


GREEDY = Exercise(
    **{**toys.COMMON, "id": "0.9.7", "title": "Take less", "kind": "tune", "entry": "greed"},
    reference={"bytes": 1, "steps": 1},
    measure=greedy,
    target=1.0,
    time_limit=0.5,
    misconceptions=(
        Misconception(name="none", sentence="None is too few.", answer={"bytes": 0, "steps": 1}),
        Misconception(name="backwards", sentence="Steps go ahead.", answer={"bytes": 1, "steps": -1}),
    ),
)
EXERCISES = (*toys.TOYS, GREEDY)
POINTS = sum(exercise.points for exercise in EXERCISES)


def defined(*exercises: Exercise) -> AbstractContextManager[None]:
    """A context in which the toys are defined, or those named alone."""
    return registered(*(exercises or EXERCISES))


def build(folder: Path, *others: Lesson) -> dict[str, Any]:
    """Write the executed notebook below `folder`, beside those of `others`; return what `Grader` is to be given."""
    cells = [{"cell_type": "code", "id": "setup", "metadata": {"tags": ["setup"]}, "source": SETUP, "outputs": []}]
    for exercise in EXERCISES:
        number = exercise.id.replace(".", "-")
        stub = f"{exercise.entry} = ..."
        solution = f"### BEGIN SOLUTION\n{source_of(exercise)}\n### STUB\n# {stub}\n### END SOLUTION"
        points = {"points": exercise.points}
        check = f'check("{exercise.id}", {exercise.entry})'
        cells += [
            _cell(f"answer-{number}", solution, course={"answer": exercise.id}, nbgrader={}),
            _cell(f"check-{number}", check, course={"check": exercise.id}, nbgrader=points),
        ]
    content = {"nbformat": 4, "metadata": {"course": {"lesson": LESSON.id}}, "cells": cells}
    for lesson, text in [
        (LESSON, json.dumps(content)),
        *((other, other.solution.read_text(encoding="utf-8")) for other in others),
    ]:
        path = folder / f"{lesson.path}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return {"lessons": (LESSON, *others), "solutions": folder}


def handed_in(answers: Mapping[str, str], **more: Any) -> bytes:
    """The notebook of someone who gives these answers, by exercise; `more` goes to its top level."""
    cells = [
        _cell(f"answer-{number.replace('.', '-')}", source, course={"answer": number})
        for number, source in answers.items()
    ]
    return json.dumps({"nbformat": 4, "metadata": {"course": {"lesson": LESSON.id}}, "cells": cells, **more}).encode()


def handed_in_to(lesson: Lesson, answers: Mapping[str, str]) -> bytes:
    """The learner's notebook of a lesson of the course, with these answers."""
    content = json.loads(lesson.notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        exercise = cell["metadata"].get("course", {}).get("answer")
        if exercise in answers:
            cell["source"] = answers[exercise]
    return json.dumps(content).encode()


def right(**changed: str) -> dict[str, str]:
    """The right answers to all toys; `changed`, by entry, are those of them that are not."""
    return {exercise.id: changed.get(exercise.entry, source_of(exercise)) for exercise in EXERCISES}


def source_of(exercise: Exercise, answer: Any = None) -> str:
    """What a learner would write who gives `answer`, by default the reference. Raises NotPortable."""
    answer = exercise.reference if answer is None else answer
    if exercise.runs_as == "value":
        return f"{exercise.entry} = {answer!r}"
    pieces: dict[str, str] = {}
    _collect(answer, pieces)
    source = "\n\n".join(pieces.values())
    if answer.__name__ == exercise.entry:
        return source
    # it may use a function that has the entry's name, such as the reference
    within = textwrap.indent(f"{source}\n\nreturn {answer.__name__}", "    ")
    return f"def made():\n{within}\n\n{exercise.entry} = made()"


class NotPortable(Exception):
    """An answer's source does not stand by itself."""


def _collect(answer: Any, pieces: dict[str, str]) -> None:
    """Put the source of a function or class into `pieces`, by name, after that of all that it uses."""
    if answer.__name__ in pieces:
        return
    if answer.__name__ == "<lambda>":
        raise NotPortable("a function without a name")
    pieces[answer.__name__] = ""  # for one that calls itself
    module = sys.modules[answer.__module__]
    source = textwrap.dedent(inspect.getsource(answer))
    needed = {}
    for name in sorted(_names(compile(source, "<answer>", "exec"))):
        if name != answer.__name__ and not name.startswith("__") and hasattr(module, name):
            needed[name] = getattr(module, name)
    for name, value in needed.items():
        if name in pieces:
            continue
        if isinstance(value, types.ModuleType):
            pieces[name] = f"import {value.__name__} as {name}"
        elif getattr(value, "__module__", None) == answer.__module__:
            _collect(value, pieces)
        elif getattr(value, "__module__", "utils").partition(".")[0] != "utils":
            pieces[name] = f"from {value.__module__} import {name}"
        elif isinstance(value, str | int | float | tuple):
            pieces[name] = f"{name} = {value!r}"
        else:
            raise NotPortable(f"it uses the course's own {name}")
    for name, value in inspect.getclosurevars(answer).nonlocals.items() if inspect.isfunction(answer) else ():
        if not isinstance(value, str | int | float | tuple):
            raise NotPortable(f"it is made with {name}")
        pieces[name] = f"{name} = {value!r}"
    del pieces[answer.__name__]  # to stand after what it needs
    pieces[answer.__name__] = source


def _names(code: types.CodeType) -> set[str]:
    within = [_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*within)


def _cell(identifier: str, source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": identifier, "metadata": metadata, "source": source, "outputs": []}
