"""A learner's notebook, in whatever state it was saved: only the answers are taken from it, all else is the course's.

Read as plain JSON: nbformat takes over a second to import and refuses much that can still be understood.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as shown  # short, and without what a terminal would obey

from utils.lessons import Lesson
from utils.publishing.regions import clear_solution
from utils.publishing.verdicts import find_verdict, joined, output_text

SIZE_LIMIT = 100_000_000  # bytes
CELLS_LIMIT = 10_000
ANSWER_LIMIT = 20_000  # characters; answers have 3 to 12 lines


class NotebookError(ValueError):
    """A file cannot be taken as a notebook of this course; the message says why and what to do."""


class NotOfThisCourse(NotebookError):
    """A sound notebook, but of none of the lessons."""


@dataclass(frozen=True)
class Cell:
    """One cell of a learner's notebook: its place from 1, and what it says of itself."""

    number: int
    kind: str
    id: str
    source: str
    answer: str
    grade_id: str


@dataclass(frozen=True)
class Notebook:
    """A learner's notebook: the file, the lesson it says it belongs to ("" if it does not), and its cells."""

    path: Path
    lesson: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Task:
    """An exercise as the pristine notebook has it: number, title, points, the answer cell's id, and its stub."""

    exercise: str
    title: str
    points: float
    answer_id: str
    stub: str


@dataclass(frozen=True)
class Pristine:
    """The executed notebook in `solutions/`: its content as JSON, and its exercises in order."""

    path: Path
    content: dict
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Answer:
    """What the learner answers to one exercise: the source, or None and the `problem` that leaves it out."""

    source: str | None
    problem: str = ""
    notes: tuple[str, ...] = field(default=())


def read_notebook(path: Path) -> Notebook:
    """Read a learner's notebook, of any nbformat up to 4. Raises `NotebookError`, with a sentence for the learner."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            megabytes, limit = path.stat().st_size / 1e6, SIZE_LIMIT / 1e6
            raise NotebookError(
                f"{path} has {megabytes:.0f} MB, the limit is {limit:.0f}: "
                "in JupyterLab take Edit > Clear Outputs of All Cells, and save"
            )
        content = path.read_bytes()
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror}") from error
    return parse_notebook(content, path)


def parse_notebook(data: bytes, path: Path) -> Notebook:
    """As `read_notebook`, of a file's content; `path` is only what messages and the lesson's name are taken from."""
    content = _load(data, path)
    version = content.get("nbformat", 4)
    if not isinstance(version, int) or version > 4:
        raise NotebookError(f"{path} is of nbformat {shown(version)}, newer than this course knows: update the course")
    if version == 4:
        cells = content.get("cells")
    else:  # up to nbformat 3 the cells are in worksheets
        sheets = content.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else [None]
        cells = [cell for sheet in sheets for cell in (sheet["cells"] if _has_cells(sheet) else [None])]
    if not isinstance(cells, list) or ("cells" not in content and "worksheets" not in content):
        raise NotebookError(f"{path} is not a notebook: it has no list of cells")
    if len(cells) > CELLS_LIMIT:
        raise NotebookError(f"{path} has {len(cells)} cells, the limit is {CELLS_LIMIT}: delete those you do not need")
    return Notebook(
        path=path,
        lesson=_text(_record(_record(content, "metadata"), "course").get("lesson")),
        cells=tuple(_cell(path, number, cell) for number, cell in enumerate(cells, start=1)),
    )


def read_pristine(path: Path) -> Pristine:
    """Read the executed solution at `path`. Raises `NotebookError` where `course build` has not made it yet."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        checks = {_course(cell)["check"]: cell for cell in cells if "check" in _course(cell)}
        answers = [cell for cell in cells if "answer" in _course(cell)]
        tasks = tuple(_task(cell, checks[_course(cell)["answer"]]) for cell in answers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise NotebookError(f"the pristine notebook {path} cannot be read ({reason}): run `course build`") from error
    return Pristine(path, content, tasks)


def find_lesson_of(notebook: Notebook, lessons: Iterable[Lesson]) -> Lesson:
    """Return the lesson that `notebook` belongs to: by its metadata, else by its answer cells, else by its name.

    So it may be renamed and moved. Raises `NotOfThisCourse` if it is none of the `lessons`, and `NotebookError` if it
    says that it is one that is not there.
    """
    lessons = list(lessons)
    for lesson in lessons:
        if lesson.id == notebook.lesson:
            return lesson
    if notebook.lesson:
        known = ", ".join(lesson.id for lesson in lessons)
        raise NotebookError(
            f"{notebook.path} says it is lesson {shown(notebook.lesson)}; "
            f"this version of the course has the lessons {known}"
        )
    for lesson in lessons:
        dotted, dashed = f"{lesson.id}.", f"answer-{lesson.id}-".replace(".", "-")
        for cell in notebook.cells:
            if cell.answer.startswith(dotted) or cell.id.startswith(dashed) or cell.grade_id.startswith(dashed):
                return lesson
    for lesson in lessons:
        if Path(lesson.path).name == notebook.path.stem:
            return lesson
    raise NotOfThisCourse(
        f"{notebook.path} is not a notebook of this course: "
        "neither its metadata, nor its cells, nor its name belongs to a lesson"
    )


def take_answers(notebook: Notebook, pristine: Pristine) -> dict[str, Answer]:
    """Return the answer to each exercise of `pristine`, found by cell id, or by what the cell's metadata says."""
    return {task.exercise: _take(notebook, task) for task in pristine.tasks}


def syntax_error(source: str) -> str:
    """Return what keeps the cell `source` from being parsed, with its line, or "" if nothing does."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        compile(source, "<answer>", "exec", flags)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        try:  # again, with IPython's own syntax translated
            compile(TransformerManager().transform_cell(source), "<answer>", "exec", flags)
        except SyntaxError as error:
            # null bytes are an error without a line
            return f"syntax error in line {error.lineno}: {error.msg}" if error.lineno else f"not Python: {error.msg}"
        except ValueError as error:
            return f"not Python: {error}"
    except ValueError as error:  # null bytes, before Python 3.12
        return f"not Python: {error}"
    return ""


def merge(pristine: Pristine, answers: dict[str, str], *, until: str | None = None) -> dict:
    """Return the pristine notebook with the `answers` (by exercise) in place of its solutions, as nbformat JSON.

    An exercise without an answer gets its stub. With `until`, an exercise, the notebook ends with that one's check.
    """
    merged = copy.deepcopy(pristine.content)
    stubs = {task.exercise: task.stub for task in pristine.tasks}
    for number, cell in enumerate(merged["cells"]):
        course = _course(cell)
        if "answer" in course:
            exercise = course["answer"]
            cell.update(source=answers.get(exercise, stubs[exercise]), outputs=[], execution_count=None)
        if until is not None and course.get("check") == until:
            del merged["cells"][number + 1 :]
            break
    return merged


def _load(data: bytes, path: Path) -> dict:
    """Return the JSON object in `data`, or say what is wrong with it."""
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path} is not UTF-8 text (byte {error.start}): save it again from Jupyter") from error
    except json.JSONDecodeError as error:
        raise NotebookError(f"{path} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise NotebookError(f"{path} is nested too deeply to be a notebook") from error
    except ValueError as error:  # a number with thousands of digits
        raise NotebookError(f"{path} is not a notebook: {error}") from error
    if not isinstance(content, dict):
        raise NotebookError(f"{path} is not a notebook: it holds a JSON {type(content).__name__}, not an object")
    return content


def _cell(path: Path, number: int, cell: object) -> Cell:
    if not isinstance(cell, dict):
        raise NotebookError(f"cell {number} of {path} is not a cell")
    source = cell.get("source", cell.get("input", ""))  # nbformat 3 calls it input
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotebookError(f"cell {number} of {path} has a source that is not text")
    metadata = _record(cell, "metadata")
    return Cell(
        number=number,
        kind=_text(cell.get("cell_type")),
        id=_text(cell.get("id")),
        source=source,
        answer=_text(_record(metadata, "course").get("answer")),
        grade_id=_text(_record(metadata, "nbgrader").get("grade_id")),
    )


def _record(parent: dict, key: str) -> dict:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _has_cells(sheet: object) -> bool:
    return isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)


def _course(cell: dict) -> dict:
    return cell["metadata"].get("course", {})


def _task(answer: dict, check: dict) -> Task:
    exercise = _course(answer)["answer"]
    verdict = find_verdict(output_text(check["outputs"]), exercise)
    return Task(
        exercise=exercise,
        title=verdict.title if verdict else "",
        points=check["metadata"]["nbgrader"]["points"],
        answer_id=answer["id"],
        stub=clear_solution(joined(answer["source"]), exercise),
    )


def _take(notebook: Notebook, task: Task) -> Answer:
    claims = [
        cell
        for cell in notebook.cells
        if cell.id == task.answer_id or cell.answer == task.exercise or cell.grade_id == task.answer_id
    ]
    if not claims:
        return Answer(None, "its answer cell is missing; a fresh one is in the course's own notebook")
    code = [cell for cell in claims if cell.kind == "code"]
    if not code:
        return Answer(None, f"its answer cell (cell {claims[0].number}) is not a code cell any more: make it one again")
    changed = [cell for cell in code if _tidied(cell.source) != _tidied(task.stub)]
    if not changed:
        return Answer(None)
    notes = ()
    if len(changed) > 1:
        numbers = ", ".join(str(cell.number) for cell in changed)
        notes = (f"{task.exercise} is answered in {len(changed)} cells ({numbers}): they are run one after the other",)
    source = "\n\n".join(cell.source for cell in changed)
    if len(source) > ANSWER_LIMIT:
        return Answer(None, f"its answer has {len(source)} characters, the limit is {ANSWER_LIMIT}")
    return Answer(source, notes=notes)


def _tidied(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
