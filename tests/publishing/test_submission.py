"""A learner's notebook in any state: what can be read is read, what cannot is told in a sentence."""

import json
import os

import pytest
import toy

from utils.publishing import submission
from utils.publishing.submission import (
    NotebookError,
    NotOfThisCourse,
    find_lesson_of,
    merge,
    read_notebook,
    read_pristine,
    syntax_error,
    take_answers,
)

LESSONS = (toy.UNBUILT, toy.LESSON)


def answers_of(path, built) -> dict:
    return take_answers(read_notebook(path), read_pristine(built.solution))


def cell_of(notebook: dict, exercise: str) -> dict:
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("course", {}).get("answer") == exercise)


BROKEN = {
    "empty file": (b"", "is not JSON"),
    "not JSON": (b"hello", "is not JSON: Expecting value in line 1, column 1"),
    "cut off": (b'{"cells": [', "is not JSON"),
    "not an object": (b"[1, 2]", "holds a JSON list"),
    "no cells": (b'{"nbformat": 4}', "it has no list of cells"),
    "cells are not a list": (b'{"nbformat": 4, "cells": 3}', "it has no list of cells"),
    "a cell is not a cell": (b'{"nbformat": 4, "cells": [1]}', "cell 1 of"),
    "a source is not text": (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 5}]}', "not text"),
    "worksheets are not a list": (b'{"nbformat": 3, "worksheets": 3}', "cell 1 of"),
    "newer nbformat": (b'{"nbformat": 5, "cells": []}', "nbformat 5, newer than"),
    "odd nbformat": (b'{"nbformat": "x", "cells": []}', "nbformat 'x'"),
    "nbformat without end": (b'{"nbformat": [' + b"[" * 900 + b"]" * 900 + b"]}", "nbformat [[[[[[[...]]]]]]]"),
    "too many cells": (b'{"cells": [' + b"{}," * 10_000 + b"{}]}", "10001 cells, the limit is 10000"),
    "not UTF-8": (b'{"cells": "\xff\xfe"}', "is not UTF-8 text (byte 11)"),
    "nested too deeply": (b"[" * 200_000, "nested too deeply"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_notebook_is_told_in_a_sentence_with_its_name(kind, tmp_path):
    content, message = BROKEN[kind]
    path = tmp_path / "mine.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError) as caught:
        read_notebook(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as file:
        os.truncate(file.fileno(), submission.SIZE_LIMIT + 1_000_000)
    with pytest.raises(NotebookError, match=r"has 101 MB, the limit is 100: .*Clear Outputs"):
        read_notebook(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotebookError, match="cannot be read: No such file"):
        read_notebook(tmp_path / "nothing.ipynb")


def test_a_byte_order_mark_does_no_harm(learner, built):
    path = learner(toy.SOLVED)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert answers_of(path, built)["9.1.2"].source == toy.SOLVED["9.1.2"]


def test_answers_are_taken_and_untouched_stubs_are_none(learner, built):
    answers = answers_of(learner({"9.1.1": toy.SOLVED["9.1.1"]}), built)
    assert answers["9.1.1"].source == toy.SOLVED["9.1.1"]
    assert answers["9.1.2"].source is None
    assert answers["9.1.3"].source is None
    assert answers["9.1.3"].problem == ""


def strip_everything(notebook):
    """What a careless tool leaves: no outputs, no metadata, no counts; the ids stay."""
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell.update(metadata={}, **({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}))


def reverse(notebook):
    notebook["cells"].reverse()


def add_and_tag(notebook):
    notebook["cells"].insert(
        0, {"cell_type": "code", "id": "mine", "metadata": {}, "source": "import this", "outputs": []}
    )
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["skip-execution", "nbval-skip"]


def as_lines(notebook):
    for cell in notebook["cells"]:
        text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        cell["source"] = text.splitlines(keepends=True)


def without_ids(notebook):
    """As nbformat 4.4 saves it."""
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]


def only_nbgrader(notebook):
    without_ids(notebook)
    for cell in notebook["cells"]:
        cell["metadata"].pop("course", None)


def fresh_ids(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"new-{number}"


def same_ids(notebook):
    for cell in notebook["cells"]:
        cell["id"] = "same"


def version_3(notebook):
    """As nbformat 3 saves it."""
    cells = []
    for cell in notebook.pop("cells"):
        cell.pop("id")
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["language"] = "python"
        cells.append(cell)
    notebook.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": cells, "metadata": {}}])


def odd_metadata(notebook):
    notebook["metadata"]["kernelspec"] = 7
    for cell in notebook["cells"]:
        if "answer" not in cell["metadata"].get("course", {}):
            cell["metadata"] = [1]


@pytest.mark.parametrize(
    "edit",
    [
        strip_everything,
        reverse,
        add_and_tag,
        as_lines,
        without_ids,
        only_nbgrader,
        fresh_ids,
        same_ids,
        version_3,
        odd_metadata,
    ],
)
def test_answers_are_found_however_the_notebook_was_saved(edit, learner, built):
    path = learner(toy.SOLVED, edit=edit)
    assert find_lesson_of(read_notebook(path), LESSONS) == toy.LESSON
    assert {number: answer.source for number, answer in answers_of(path, built).items()} == toy.SOLVED


def test_a_deleted_answer_cell_costs_only_its_exercise(learner, built):
    answers = answers_of(learner(toy.SOLVED, edit=lambda book: book["cells"].remove(cell_of(book, "9.1.2"))), built)
    assert answers["9.1.2"].source is None
    assert "its answer cell is missing" in answers["9.1.2"].problem
    assert answers["9.1.3"].source == toy.SOLVED["9.1.3"]


def test_an_answer_without_end_costs_only_its_exercise(learner, built):
    answers = answers_of(learner(toy.SOLVED | {"9.1.2": "prediction = 3072" + "  # and more" * 2000}), built)
    assert answers["9.1.2"].source is None
    assert answers["9.1.2"].problem == "its answer has 24017 characters, the limit is 20000"
    assert answers["9.1.3"].source == toy.SOLVED["9.1.3"]


def test_what_a_notebook_says_of_itself_is_quoted_short_and_without_control_characters(learner):
    path = learner({}, edit=lambda book: book["metadata"].update(course={"lesson": "\x1b[2J" * 100_000}))
    with pytest.raises(NotebookError) as caught:
        find_lesson_of(read_notebook(path), LESSONS)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_an_answer_cell_turned_into_text_is_named(learner, built):
    answers = answers_of(learner(toy.SOLVED, edit=lambda book: cell_of(book, "9.1.2").update(cell_type="raw")), built)
    assert "not a code cell any more" in answers["9.1.2"].problem


def test_an_answer_split_over_two_cells_is_put_together_and_told(learner, built):
    def split(notebook):
        first = cell_of(notebook, "9.1.1")
        second = json.loads(json.dumps(first)) | {"id": "split", "source": "    return number + number"}
        first["source"] = "def twice(number):"
        notebook["cells"].insert(notebook["cells"].index(first) + 1, second)

    answer = answers_of(learner(toy.SOLVED, edit=split), built)["9.1.1"]
    assert syntax_error(answer.source) == ""
    assert "answered in 2 cells" in answer.notes[0]


def test_an_untouched_copy_of_the_stub_does_not_hide_the_answer(learner, built):
    def copy_stub(notebook):
        stub = json.loads(built.notebook.read_text(encoding="utf-8"))
        notebook["cells"].append(cell_of(stub, "9.1.1") | {"id": "copy"})

    answer = answers_of(learner(toy.SOLVED, edit=copy_stub), built)["9.1.1"]
    assert answer.source == toy.SOLVED["9.1.1"]
    assert answer.notes == ()


def test_a_renamed_notebook_is_known_by_its_metadata(learner):
    path = learner({}, name="2_letters.ipynb")
    assert find_lesson_of(read_notebook(path), LESSONS) == toy.LESSON


def test_without_metadata_and_answers_the_name_decides(tmp_path):
    path = tmp_path / "1_numbers.ipynb"
    path.write_text('{"nbformat": 4, "cells": []}', encoding="utf-8")
    assert find_lesson_of(read_notebook(path), LESSONS) == toy.LESSON


def test_a_notebook_of_no_lesson_is_told(tmp_path):
    path = tmp_path / "holiday.ipynb"
    path.write_text(
        '{"nbformat": 4, "cells": [{"cell_type": "code", "id": "check-1", "source": "1"}]}', encoding="utf-8"
    )
    with pytest.raises(NotOfThisCourse, match="not a notebook of this course"):
        find_lesson_of(read_notebook(path), LESSONS)


def test_a_lesson_of_another_version_of_the_course_is_told(learner):
    path = learner({}, edit=lambda book: book["metadata"].update(course={"lesson": "9.7"}))
    with pytest.raises(
        NotebookError, match=r"says it is lesson '9\.7'; this version of the course has the lessons 9\.2, 9\.1"
    ):
        find_lesson_of(read_notebook(path), LESSONS)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"cells": [{}]}'])
def test_a_pristine_notebook_that_is_missing_or_broken_asks_for_a_build(content, tmp_path):
    path = tmp_path / "pristine.ipynb"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(NotebookError, match="run `course build`"):
        read_pristine(path)


def test_the_pristine_notebook_knows_its_exercises(built):
    tasks = read_pristine(built.solution).tasks
    assert [(task.exercise, task.title, task.points) for task in tasks] == [
        ("9.1.1", "Twice", 2),
        ("9.1.2", "A prediction", 1),
        ("9.1.3", "A bug", 3),
    ]


def test_merging_takes_answers_only_and_stubs_for_the_rest(built):
    pristine = read_pristine(built.solution)
    merged = merge(pristine, {"9.1.1": "mine"})
    sources = {cell["id"]: cell["source"] for cell in merged["cells"]}
    assert sources["answer-9-1-1"] == "mine"
    assert sources["answer-9-1-2"] == "prediction = ..."
    others = [cell for cell in merged["cells"] if "answer" not in cell["metadata"].get("course", {})]
    assert others == [cell for cell in pristine.content["cells"] if cell["id"] in {other["id"] for other in others}]
    assert merge(pristine, {}, until="9.1.2")["cells"][-1]["id"] == "check-9-1-2"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = 1", ""),
        ("x = (1\ny = 2", "syntax error in line 1: '(' was never closed"),
        ("def f():\nreturn 1", "syntax error in line 2"),
        ("%matplotlib inline\nx = !ls\nmath?", ""),
        ("await x", ""),
        ("x = 1\0", "not Python: source code string cannot contain null bytes"),
        ("", ""),
    ],
)
def test_syntax_errors_are_told_with_their_line(source, error):
    assert syntax_error(source).startswith(error)
    assert bool(syntax_error(source)) == bool(error)
