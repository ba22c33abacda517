"""`course build`: each lesson's source becomes two notebooks; `course build --check` finds those that are stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from utils.lessons import COURSE, LESSONS, SOLUTIONS, Lesson
from utils.publishing.problems import BuildError, Problem

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from utils.exercises.definition import Exercise

CELL_PARTS = {
    "cell_type": "type",
    "source": "source",
    "metadata": "metadata",
    "execution_count": "execution count",
    "outputs": "output",
}

Exercises = Callable[[str], Sequence["Exercise"]]
OnCell = Callable[[Lesson, int, int], None]


@dataclass(frozen=True)
class Stale:
    """A generated notebook that its source would not give: the file, the cell, what differs and how to mend it."""

    file: Path
    cell: str
    difference: str
    lesson: str

    def __str__(self) -> str:
        cell = f" (cell {self.cell})" if self.cell else ""
        return f"{self.file}{cell}: {self.difference}; to mend it: {self.remedy}"

    @property
    def remedy(self) -> str:
        """The command that mends it."""
        return f"course build {self.lesson}" if self.lesson else "delete it"


def build(
    lessons: Iterable[Lesson] = LESSONS,
    *,
    execute: bool = True,
    course: Path = COURSE,
    solutions: Path = SOLUTIONS,
    exercises: Exercises | None = None,
    on_cell: OnCell = lambda lesson, done, total: None,
) -> list[Path]:
    """Make the notebooks of `lessons` from their sources and return the files that changed.

    With `execute=False` nothing is run: cells whose source did not change keep their stored output, others have none
    until the next full build. `exercises` gives a lesson's definitions by the lesson's id; `on_cell` is told of each
    executed cell. Raises `BuildError`; then, as after Ctrl-C, each notebook is whole, either the old one or the new.
    """
    from utils.publishing.trees import dumps, graft, learner_notebook, tidy, write_all

    changed: list[Path] = []
    for lesson, notebook in _skeletons(lessons, solutions, exercises):
        source, solved, unsolved = _paths(lesson, course, solutions)
        if execute:
            _run(notebook, source, lesson, on_cell)
        elif (stored := _read(solved)) is not None:
            graft(notebook, stored)
        problems = [_placed(problem, source, notebook) for problem in tidy(notebook)]
        if problems:
            raise BuildError(problems)
        texts = {solved: dumps(notebook), unsolved: dumps(learner_notebook(notebook))}
        texts = {path: text for path, text in texts.items() if _text(path) != text}
        write_all(texts)
        changed += texts
    return changed


def find_stale(
    lessons: Iterable[Lesson] = LESSONS,
    *,
    execute: bool = True,
    course: Path = COURSE,
    solutions: Path = SOLUTIONS,
    exercises: Exercises | None = None,
    on_cell: OnCell = lambda lesson, done, total: None,
) -> list[Stale]:
    """Return what in the notebooks of `lessons` is not what their sources give now; nothing is written.

    Cells, sources, ids and metadata of both trees are compared, and the learner's outputs with the solution's. With
    `execute`, each lesson is also run, and its outputs compared: all but pixels and figures printed with their bar.
    Raises `BuildError` where a source cannot be built at all.
    """
    from utils.publishing.trees import code_cells, graft, learner_notebook, tidy

    stale: list[Stale] = []
    for lesson, notebook in _skeletons(lessons, solutions, exercises):
        source, solved, unsolved = _paths(lesson, course, solutions)
        stored, learner = _read(solved), _read(unsolved)
        missing = [path for path, found in ((solved, stored), (unsolved, learner)) if found is None]
        if missing:
            stale += [Stale(path, "", "missing, or not a notebook", lesson.id) for path in missing]
            continue
        graft(notebook, stored)
        problems = [_placed(problem, solved) for problem in tidy(notebook)]
        found = _differences(notebook, stored, solved, lesson)
        found += [Stale(solved, problem.cell, problem.message, lesson.id) for problem in problems]
        found += [
            Stale(solved, cell.id, "has never been run", lesson.id)
            for cell in code_cells(notebook)
            if cell.execution_count is None and cell.source
        ]
        found = found or _differences(learner_notebook(notebook), learner, unsolved, lesson)
        if not found and execute:
            _run(notebook, source, lesson, on_cell)
            tidy(notebook)
            found = _output_differences(notebook, stored, solved, lesson)
        stale += found
    return stale


def find_orphans(
    lessons: Iterable[Lesson] = LESSONS, *, course: Path = COURSE, solutions: Path = SOLUTIONS
) -> list[Stale]:
    """Return the notebooks in both trees that belong to none of `lessons`, such as those of a renamed lesson."""
    made = {path for lesson in lessons for path in _paths(lesson, course, solutions)}
    return [
        Stale(path, "", "no lesson in utils/lessons.py makes this file", "")
        for tree in (course, solutions)
        for path in sorted(tree.rglob("*.ipynb"))
        if path not in made and ".ipynb_checkpoints" not in path.parts
    ]


def _paths(lesson: Lesson, course: Path, solutions: Path) -> tuple[Path, Path, Path]:
    """Return the lesson's source, its executed solution and the learner's notebook."""
    return solutions / f"{lesson.path}.py", solutions / f"{lesson.path}.ipynb", course / f"{lesson.path}.ipynb"


def _skeletons(
    lessons: Iterable[Lesson], solutions: Path, exercises: Exercises | None
) -> list[tuple[Lesson, NotebookNode]]:
    """Read all sources, so that every mistake in any of them is told before the first minute of execution."""
    try:
        import jupytext  # noqa: F401
        import nbgrader  # noqa: F401
    except ImportError as error:
        missing = Problem(Path("pyproject.toml"), f"building takes {error.name}: pip install -e '.[dev]'")
        raise BuildError([missing]) from error
    from utils.publishing.source import read_lesson

    if exercises is None:
        exercises = _defined_exercises
    read, problems = [], []
    for lesson in lessons:
        source = solutions / f"{lesson.path}.py"
        if not source.is_file():
            problems.append(Problem(source, f"lesson {lesson.id} has no source"))
            continue
        notebook, found = read_lesson(source, lesson, exercises(lesson.id))
        problems += found
        read.append((lesson, notebook))
    if problems:
        raise BuildError(problems)
    return read


def _defined_exercises(lesson: str) -> Sequence[Exercise]:
    from utils.exercises.registry import lesson_exercises

    return lesson_exercises(lesson, missing_ok=True)


def _run(notebook: NotebookNode, source: Path, lesson: Lesson, on_cell: OnCell) -> None:
    from utils.publishing.execution import CellFailed, execute

    try:
        execute(notebook, source.parent, on_cell=lambda done, total: on_cell(lesson, done, total))
    except CellFailed as failure:
        raise BuildError([_placed(Problem(source, str(failure), failure.cell), source, notebook)]) from failure


def _placed(problem: Problem, file: Path, notebook: NotebookNode | None = None) -> Problem:
    """Return `problem` with the file it is in and the line where its cell begins there, if that can be told."""
    from utils.publishing.source import cell_lines

    line = None
    ids = [cell.id for cell in notebook.cells] if notebook is not None else []
    if problem.cell in ids:
        line = cell_lines(file.read_text(encoding="utf-8"), len(ids))[ids.index(problem.cell)]
    return replace(problem, file=file, line=line)


def _read(path: Path) -> NotebookNode | None:
    """Return the notebook stored at `path`, or None where there is none that can be read."""
    import nbformat

    try:
        content = json.loads(text := path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not (isinstance(content, dict) and content.get("nbformat") == 4 and isinstance(content.get("cells"), list)):
        return None
    return nbformat.reads(text, as_version=4)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _differences(fresh: NotebookNode, stored: NotebookNode, file: Path, lesson: Lesson) -> list[Stale]:
    """Return the first place where two notebooks differ in anything at all."""

    def stale(cell: str, difference: str) -> list[Stale]:
        return [Stale(file, cell, difference, lesson.id)]

    fresh_ids, stored_ids = [cell.id for cell in fresh.cells], [cell.get("id", "") for cell in stored.cells]
    for new, old in zip(fresh.cells, stored.cells, strict=False):
        if new.id != old.get("id", ""):
            if new.id not in stored_ids:
                return stale(new.id, f"a new or changed cell of the source is not there yet: {_begin(new.source)}")
            if old.get("id", "") not in fresh_ids:
                return stale(old.get("id", ""), f"not in the source any more: {_begin(old.source)}")
            return stale(new.id, "the cells stand in another order")
        for part, name in CELL_PARTS.items():
            if new.get(part) != old.get(part):
                return stale(new.id, f"its {name} differs")
    if len(fresh.cells) > len(stored.cells):
        new = fresh.cells[len(stored.cells)]
        return stale(new.id, f"a new cell of the source is not there yet: {_begin(new.source)}")
    if len(fresh.cells) < len(stored.cells):
        old = stored.cells[len(fresh.cells)]
        return stale(old.get("id", ""), f"not in the source any more: {_begin(old.source)}")
    if fresh != stored:
        return stale("", "the notebook's own metadata differs")
    return []


def _output_differences(fresh: NotebookNode, stored: NotebookNode, file: Path, lesson: Lesson) -> list[Stale]:
    """Return the cells whose outputs came out otherwise, less pixels and measured figures."""
    from utils.publishing.trees import code_cells, comparable

    return [
        Stale(file, new.id, f"another output now: {_begin(str(comparable(new)))}", lesson.id)
        for new, old in zip(code_cells(fresh), code_cells(stored), strict=True)
        if comparable(new) != comparable(old)
    ]


def _begin(text: str, length: int = 100) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= length else f"{line[:length]}…")
