"""A lesson's source (jupytext percent format) as a notebook without outputs, with the course's ids and metadata."""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from utils.exercises.definition import header
from utils.glossary import term_link
from utils.lessons import Lesson
from utils.publishing.problems import Problem
from utils.publishing.regions import RegionError, clear_solution, has_region

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from utils.exercises.definition import Exercise

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# as a kernel would fill it in, less the version, which differs between machines
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
CELL_KEYS = ("answer", "check", "concepts", "id", "tags")
# what jupytext notes down for the way back to a .py, which is never taken
JUPYTEXT_KEYS = ("cell_marker", "lines_to_end_of_cell_marker", "lines_to_next_cell", "title")

_MARKER = re.compile(r"^# ?%%(?!\w)")
# {{minutes}}, {{exercise 2.3.1}}, {{term late fusion}} and, for other words, {{term encoder|encoders}}
_EXPANSION = re.compile(r"\{\{\s*(\w+)(?:\s+([^{}|]+?))?\s*(?:\|\s*([^{}|]+?)\s*)?\}\}")
_TIME_MAGIC = re.compile(r"^\s*%{1,2}time(it)?\b", re.MULTILINE)
_SHELL_OR_MAGIC = re.compile(r"^\s*[%!]|\?\s*$", re.MULTILINE)


def read_lesson(source: Path, lesson: Lesson, exercises: Sequence[Exercise]) -> tuple[NotebookNode, list[Problem]]:
    """Return the notebook that `source` describes, without outputs, and everything that is wrong with it.

    The notebook has its ids, the course's and nbgrader's metadata, and its `{{...}}` expanded; answers hold their
    solution, markers included. `exercises` are the definitions of this lesson.
    """
    import jupytext
    import nbformat

    text = source.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    reader = _Reader(source, lesson, exercises, cell_lines(text, len(notebook.cells)))
    for number, cell in enumerate(notebook.cells):
        reader.take(number, cell)
    reader.finish()
    built = nbformat.v4.new_notebook(
        metadata={"course": {"lesson": lesson.id}, "kernelspec": KERNEL, "language_info": LANGUAGE},
        cells=reader.cells,
    )
    built.nbformat_minor = 5
    return built, reader.problems


def cell_lines(text: str, cells: int) -> list[int | None]:
    """Return the line in which each cell begins, or Nones where they cannot be told."""
    lines = [number for number, line in enumerate(text.split("\n"), start=1) if _MARKER.match(line)]
    return list(lines) if len(lines) == cells else [None] * cells


class _Reader:
    """Takes one cell after another; knows which ids and exercises it has seen."""

    def __init__(self, source: Path, lesson: Lesson, exercises: Sequence[Exercise], lines: list[int | None]):
        self.source, self.lesson, self.lines = source, lesson, lines
        self.exercises = {exercise.id: exercise for exercise in exercises}
        self.cells: list[NotebookNode] = []
        self.problems: list[Problem] = []
        self.seen: dict[str, set[str]] = {"answer": set(), "check": set(), "header": set()}
        self.ids: set[str] = set()
        self.line: int | None = None

    def problem(self, message: str, cell: str = "", *, line: int | None = None) -> None:
        self.problems.append(Problem(self.source, message, cell, line or self.line))

    def take(self, number: int, cell: NotebookNode) -> None:
        """Add `cell`, the `number`-th as jupytext read it, to the notebook."""
        from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

        self.line = self.lines[number]
        given = dict(cell.metadata)
        identifier = self._identifier(given, cell)
        source, metadata = cell.source, {}
        for key in given:
            if key not in CELL_KEYS + JUPYTEXT_KEYS:
                near = difflib.get_close_matches(key, CELL_KEYS, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                self.problem(f"unknown cell metadata {key!r}{meant}", identifier)
        if course := {key: given[key] for key in ("answer", "check", "concepts") if key in given}:
            metadata["course"] = course
        tags = list(given.get("tags", []))
        if "widget" in tags:
            # a redrawn widget is other output to nbval each time; the cell still runs
            tags.append("nbval-ignore-output")
        if tags:
            metadata["tags"] = tags
        if cell.cell_type == "markdown":
            source = self._expand(source, identifier)
        elif cell.cell_type == "code":
            self._look_at_code(source, identifier, answer="answer" in given)
            if "answer" in given:
                metadata["nbgrader"] = self._answer(given["answer"], identifier, source)
            elif "check" in given:
                metadata["nbgrader"] = self._check(given["check"], identifier, source)
        new = {"markdown": new_markdown_cell, "code": new_code_cell, "raw": new_raw_cell}[cell.cell_type]
        self.cells.append(new(source=source, metadata=metadata, id=identifier))

    def finish(self) -> None:
        """Look for what is missing from the whole."""
        self.line = None
        answers, checks, headers = self.seen["answer"], self.seen["check"], self.seen["header"]
        for exercise in sorted(answers - checks):
            self.problem(f'the answer cell of {exercise} has no check cell: add `# %% check="{exercise}"`')
        for exercise in sorted(checks - answers):
            self.problem(f'the check cell of {exercise} has no answer cell: add `# %% answer="{exercise}"`')
        for exercise in sorted((answers | checks) & set(self.exercises) - headers):
            self.problem(f"exercise {exercise} has no header: write {{{{exercise {exercise}}}}} in a markdown cell")
        for exercise in sorted(set(self.exercises) - answers - checks):
            self.problem(f"exercise {exercise} is defined, but the notebook has neither its answer nor its check cell")

    def _identifier(self, given: dict, cell: NotebookNode) -> str:
        """Return the cell's id: explicit, from its exercise, or a hash of its source as it was written."""
        explicit = given.get("id")
        exercise_ids = [f"{key}-{given[key]}".replace(".", "-") for key in ("answer", "check") if key in given]
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        identifier = explicit or (exercise_ids or [digest])[0]
        if explicit and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", explicit):
            self.problem(f"id {explicit!r} may hold letters, digits, - and _ only, 64 at most", explicit)
            identifier = digest
        if explicit and exercise_ids:
            self.problem(f"an answer or check cell takes its id from its exercise: leave out id={explicit!r}", explicit)
        if identifier in self.ids and (explicit or exercise_ids):
            self.problem(f"two cells have the id {identifier!r}", identifier)
        copy = 1
        while identifier in self.ids:  # the same words twice in a notebook, such as "Now run it:"
            copy += 1
            identifier = f"{digest}-{copy}"
        self.ids.add(identifier)
        return identifier

    def _expand(self, source: str, cell: str) -> str:
        def replacement(found: re.Match) -> str:
            name, *words = found.groups()
            argument, label = (part and " ".join(part.split()) for part in words)  # prose may break its lines there
            if name == "term" and argument is not None:
                try:
                    return term_link(argument, label)
                except KeyError as error:
                    self.problem(f"{found[0]}: {error.args[0]}", cell)
                    return found[0]
            if name == "minutes" and argument is None and label is None:
                return str(self.lesson.minutes)
            if name == "exercise" and argument in self.exercises and label is None:
                self.seen["header"].add(argument)
                return header(self.exercises[argument])
            if name == "exercise":
                self.problem(f"{found[0]}: {self._unknown(argument)}", cell)
            else:
                known = "{{exercise 2.3.1}}, {{minutes}} and {{term cross-attention}}"
                self.problem(f"{found[0]} is not known; there are {known}", cell)
            return found[0]

        if "{{" in _EXPANSION.sub("", source):
            self.problem("a {{ that begins no expansion, or one without its }}", cell)
        return _EXPANSION.sub(replacement, source)

    def _unknown(self, exercise: str | None) -> str:
        known = ", ".join(self.exercises) or "none"
        return f"lesson {self.lesson.id} defines no exercise {exercise}; it defines {known}"

    def _look_at_code(self, source: str, cell: str, *, answer: bool) -> None:
        if _TIME_MAGIC.search(source):
            self.problem("%time prints another figure in each run: print a measured figure with its bar instead", cell)
        lines = [line for line in source.split("\n") if line.strip() and not line.strip().startswith("#")]
        if lines and lines[-1].rstrip().endswith(";"):
            self.problem("a trailing `;` hides nothing under nbval: write `_ = ...`", cell)
        if not answer and has_region(source):
            self.problem("a solution region outside an answer cell", cell)
        if error := _syntax_error(source):
            line = self.line + error.lineno if self.line and error.lineno else None
            self.problem(f"syntax error: {error.msg}", cell, line=line)

    def _answer(self, exercise: str, cell: str, source: str) -> dict:
        self.seen["answer"].add(exercise)
        if exercise not in self.exercises:
            self.problem(self._unknown(exercise), cell)
        try:
            stub = clear_solution(source, exercise)
        except RegionError as error:
            self.problem(str(error), cell)
            return _nbgrader(cell, solution=True)
        if not has_region(source):
            self.problem("an answer cell without a solution region: the learner would get the solution", cell)
        elif error := _syntax_error(stub):
            self.problem(f"what the learner gets does not parse: {error.msg} in line {error.lineno} of the cell", cell)
        elif _raises_at_once(stub):
            self.problem("a solution region outside any function needs a `### STUB` part, or Run All stops there", cell)
        return _nbgrader(cell, solution=True)

    def _check(self, exercise: str, cell: str, source: str) -> dict:
        self.seen["check"].add(exercise)
        if exercise not in self.exercises:
            self.problem(self._unknown(exercise), cell)
        if exercise not in self.seen["answer"]:
            self.problem(f"the check of {exercise} stands before its answer cell", cell)
        if not re.search(rf"\bcheck\(\s*[\"']{re.escape(exercise)}[\"']", source):
            self.problem(f'the check cell of {exercise} does not call check("{exercise}", ...)', cell)
        points = self.exercises[exercise].points if exercise in self.exercises else 0
        return _nbgrader(cell, points=points)


def _nbgrader(cell: str, *, solution: bool = False, points: float | None = None) -> dict:
    """Return nbgrader's metadata (its schema 3) of an answer cell, or of a check cell worth `points`."""
    grade = points is not None
    metadata = {
        "schema_version": 3,
        "grade_id": cell,
        "solution": solution,
        "grade": grade,
        "locked": grade,
        "task": False,
    }
    return metadata | ({"points": points} if grade else {})


def _syntax_error(source: str) -> SyntaxError | None:
    if _SHELL_OR_MAGIC.search(source):
        return None  # IPython's own syntax: execution will tell
    try:
        compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return error
    return None


def _raises_at_once(source: str) -> bool:
    return not _SHELL_OR_MAGIC.search(source) and any(isinstance(node, ast.Raise) for node in ast.parse(source).body)
