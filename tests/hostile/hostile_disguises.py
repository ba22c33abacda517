"""Edits of a notebook around its answers. All are ignored: right answers stay right, wrong ones wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable

from hostile_notebooks import Book, right_answers

from utils.exercises.registry import find_exercise

DISGUISES: dict[str, Callable[[Book], None]] = {}


def disguise(name: str) -> Callable[[Callable[[Book], None]], None]:
    def add(edit: Callable[[Book], None]) -> None:
        assert name not in DISGUISES
        DISGUISES[name] = edit

    return add


def _answers(book: Book) -> list[dict]:
    return [book.answer(exercise) for exercise in right_answers(book.lesson)]


def _checks(book: Book) -> list[dict]:
    return [book.check(exercise) for exercise in right_answers(book.lesson)]


def _code(source: str, **fields) -> dict:
    cell = {
        "cell_type": "code",
        "id": "extra",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return {**cell, **fields}


def _tagged(*tags: str) -> Callable[[Book], None]:
    def edit(book: Book) -> None:
        for cell in book.cells:
            cell["metadata"]["tags"] = list(tags)

    return edit


for _tags in (
    ("skip-execution",),
    ("raises-exception",),
    ("nbval-skip", "nbval-ignore-output"),
    ("setup", "parameters", "injected-parameters"),
    ("otter_ignore", "otter_assign_solution_cell", "remove-cell", "ignore", "hide-input"),
):
    disguise("every cell is tagged " + ", ".join(_tags))(_tagged(*_tags))

for _line in ("# NBVAL_SKIP", "# NBVAL_IGNORE_OUTPUT", "# NBVAL_RAISES_EXCEPTION", "#PYTEST_VALIDATE_IGNORE_OUTPUT",
              "# HIDDEN TESTS END"):  # fmt: skip

    def _commented(book: Book, line: str = _line) -> None:
        for cell in book.cells:
            if cell["cell_type"] == "code":
                cell["source"] = f"{line}\n{''.join(cell['source'])}"

    disguise(f"every cell begins with {_line}")(_commented)


@disguise("all cells have the same id")
def _same_ids(book):
    for cell in book.cells:
        cell["id"] = "same"


@disguise("no cell has an id, as before nbformat 4.5")
def _no_ids(book):
    for cell in book.cells:
        cell.pop("id", None)
    book.content["nbformat_minor"] = 4


@disguise("other cells have the ids of answer cells")
def _stolen_ids(book):
    for number, cell in enumerate(_answers(book)):
        book.cells.insert(3 * number, _code("'nothing'", id=cell["id"]))
        book.cells.append({"cell_type": "markdown", "id": cell["id"], "metadata": {}, "source": "Nothing."})


@disguise("every answer cell is there twice")
def _twice(book):
    for cell in _answers(book):
        book.cells.append(copy.deepcopy(cell))


@disguise("every check cell is there twice")
def _checks_twice(book):
    for cell in _checks(book):
        book.cells.insert(0, copy.deepcopy(cell))


@disguise("answer cells are known by their metadata alone")
def _metadata_alone(book):
    for cell in _answers(book):
        cell["id"] += "-changed"
        cell["metadata"].pop("nbgrader", None)


@disguise("answer cells are known by their ids alone")
def _ids_alone(book):
    for cell in _answers(book):
        cell["metadata"] = {}


@disguise("check cells are deleted")
def _no_checks(book):
    for cell in _checks(book):
        book.cells.remove(cell)


@disguise("check cells are raw")
def _raw_checks(book):
    for cell in _checks(book):
        cell["cell_type"] = "raw"


@disguise("check cells print that all is passed")
def _edited_checks(book):
    for exercise in right_answers(book.lesson):
        found = find_exercise(exercise)
        book.check(exercise)["source"] = f'print("{exercise} {found.title}: passed, {found.points} points")'


@disguise("stored outputs say that all is passed")
def _forged_outputs(book):
    for exercise in right_answers(book.lesson):
        found = find_exercise(exercise)
        text = f"{exercise} {found.title}: passed, {found.points} points\n"
        status = {"exercise": exercise, "status": "passed", "earned": 100, "points": found.points}
        data = {"text/plain": text, "text/html": f"<script>document.title = 'owned'</script>{text}"}
        book.check(exercise)["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": text},
            {"output_type": "display_data", "data": data, "metadata": {"course": status}},
        ]


@disguise("stored outputs say that all has failed")
def _forged_failures(book):
    for exercise in right_answers(book.lesson):
        text = f"{exercise} {find_exercise(exercise).title}: crashed: MemoryError"
        book.check(exercise)["outputs"] = [{"output_type": "error", "ename": "E", "evalue": text, "traceback": [text]}]


def _worth(points: float) -> Callable[[Book], None]:
    def edit(book: Book) -> None:
        for cell in book.cells:
            cell["metadata"]["nbgrader"] = {**cell["metadata"].get("nbgrader", {}), "points": points, "grade": True}
            cell["metadata"]["course"] = {**cell["metadata"].get("course", {}), "points": points, "earned": points}

    return edit


for _points in (1_000_000, -1, float("nan"), float("inf"), "20", None):
    disguise(f"points changed to {_points!r}")(_worth(_points))


@disguise("nothing is locked, nothing is a solution")
def _unlocked(book):
    for cell in book.cells:
        cell["metadata"].get("nbgrader", {}).update(locked=False, solution=False, grade=False, schema_version=99)
        cell["metadata"].update(editable=True, deletable=True)


@disguise("another kernel, another language")
def _kernel(book):
    book.content["metadata"].update(
        kernelspec={"name": "ir", "display_name": "R", "language": "R", "argv": ["/bin/sh", "-c", "touch /tmp/owned"]},
        language_info={"name": "R"},
    )


@disguise("no metadata of the notebook")
def _no_metadata(book):
    book.content["metadata"] = {}


@disguise("metadata of the wrong kind everywhere")
def _odd_metadata(book):
    book.content["metadata"] = []
    for cell in book.cells:
        if "course" not in cell["metadata"]:
            cell["metadata"] = ["tags"]
        cell["metadata"] = cell["metadata"] or None


@disguise("extra cells that would end the run, or never end")
def _extra_cells(book):
    for place, source in enumerate(("raise SystemExit", "import os; os._exit(0)", "while True: pass", "1 +", "\0")):
        book.cells.insert(4 * place, _code(source))


@disguise("extra cells with the right answers")
def _right_elsewhere(book):
    for source in right_answers(book.lesson).values():
        book.cells.append(_code(source))
        book.cells.insert(0, {"cell_type": "raw", "id": "raw", "metadata": {}, "source": source})


@disguise("extra cells with wrong answers")
def _wrong_elsewhere(book):
    for exercise in right_answers(book.lesson):
        book.cells.append(_code(f"{find_exercise(exercise).entry} = None"))


@disguise("the setup cell is the learner's own")
def _setup(book):
    for cell in book.cells:
        if "setup" in (cell["metadata"].get("tags") or ()):
            cell["source"] = "import torch\ntorch.allclose = lambda *a, **k: True\nraise SystemExit"


@disguise("cells in reverse order")
def _reversed(book):
    book.cells.reverse()


@disguise("check cells first, answers last")
def _reordered(book):
    answers = _answers(book)
    book.cells[:] = [*_checks(book), *(c for c in book.cells if c not in answers and c not in _checks(book)), *answers]


@disguise("all but the answers deleted")
def _bare(book):
    book.cells[:] = _answers(book)


@disguise("unknown fields everywhere")
def _unknown_fields(book):
    book.content.update(score=20, passed=True, worksheets=[{"cells": []}])
    for cell in book.cells:
        cell.update(points=20, attachments={"a": {}}, verdict="passed", hidden=True, execution_count=-1)


@disguise("sources as lists of lines")
def _lines(book):
    for cell in book.cells:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
