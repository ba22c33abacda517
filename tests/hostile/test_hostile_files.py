"""Files that are handed in as notebooks and are none, or worse; the rest of the class is graded as if they were not."""

import json
import os
import pickle
import stat
import zipfile
from concurrent.futures import Future
from copy import deepcopy
from functools import cache
from pathlib import Path

import hostile_notebooks as notebooks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.grading.executors import Executor
from utils.grading.gradebook import Gradebook
from utils.grading.records import NOTEBOOK_LIMIT
from utils.grading.session import grade_class, results_so_far, write_class
from utils.grading.submissions import find_submissions
from utils.lessons import LESSONS
from utils.publishing.submission import NotebookError, find_lesson_of, parse_notebook, read_pristine, take_answers

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


class Harm:
    def __reduce__(self):
        return os.system, ("touch /tmp/owned-by-pickle",)


FILES = {
    "nothing": b"",
    "zeros": bytes(1000),
    "not UTF-8": b'{"cells": ["\xff\xfe\x80"]}',
    "UTF-16": json.dumps({"cells": []}).encode("utf-16"),
    "half a notebook": notebooks.Book("0.1").to_bytes()[:5000],
    "a zip": b"PK\x03\x04" + bytes(100),
    "a program": b"\x7fELF" + bytes(100),
    "a pickle": pickle.dumps(Harm()),
    "a list": b"[]",
    "a number": b"NaN",
    "text": b'"notebook"',
    "nested deeply": b"[" * 1_000_000,
    "records nested deeply": b'{"cells":' * 200_000,
    "a number of a million digits": b'{"cells": [], "nbformat": ' + b"9" * 1_000_000 + b"}",
    "cells without end": b'{"cells": [' + b"{}," * 2_000_000 + b"{}]}",
    "larger than is allowed": b" " * (NOTEBOOK_LIMIT + 1),
    "cells that are none": b'{"cells": [1, null, "a", []], "nbformat": 4}',
    "sources that are none": b'{"cells": [{"cell_type": "code", "source": {"a": 1}}]}',
    "of no lesson": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "of a lesson that does not exist": b'{"cells": [], "metadata": {"course": {"lesson": "99.1"}}}',
    "of a lesson with a name of megabytes": json.dumps(
        {"cells": [], "metadata": {"course": {"lesson": f"\x1b[2J{SCRIPT}" * 50_000}}}
    ).encode(),
    "from the future": b'{"cells": [], "nbformat": 1e999}',
    "a version that is none": b'{"cells": [], "nbformat": {"a": []}}',
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_notebook_is_told_in_a_sentence(what, grader):
    grade = grader.grade(FILES[what], "ada.ipynb", "nonce")
    assert "ada.ipynb" in grade.problem
    assert grade.exercises == ()
    assert len(grade.problem) < 400
    assert grade.problem.isprintable()
    assert grader.grade(notebooks.honest("9.7").to_bytes(), "grace.ipynb", "nonce").earned == 6


@pytest.mark.parametrize(
    "odd",
    [
        '"\ud800"',
        '"' + "\u202e" * 100 + '"',
        '"' + "🙂" * 19_000 + '"',
        "\ufeff0",
        "\0",
        "(" * 19_000,
        "-" * 19_000 + "1",
        "x" + ".a" * 9_000,
        "lambda: " * 2_000 + "0",
        "[" * 199 + "]" * 199,
        "f'{" * 100,
        "%" * 19_000,
        "!" + "x" * 19_000,
        "if 1:\n" + "\n".join(" " * depth + "if 1:" for depth in range(1, 99)),
        "\n" * 19_000,
        "# coding: rot13\n",
    ],
    ids=lambda text: ascii(text[:6]),
)
def test_an_answer_of_odd_text_costs_its_own_exercise_alone(odd, grade):
    result = grade(notebooks.honest("9.7", {"9.7.1": odd}))
    assert [(exercise.earned > 0) for exercise in result.exercises] == [False, True, True]


def test_an_answer_without_end_costs_its_own_exercise_alone(grade):
    result = grade(notebooks.honest("9.7", {"9.7.1": "#" * 5_000_000}))
    assert [exercise.earned for exercise in result.exercises] == [0, 3, 1]


ODD = st.sampled_from(
    [None, True, 0, -1, 1e308, float("nan"), 2**70, "", "0.1.1", "answer-0-1-1", "\ud800", [], {}, [[]]]
)
PATHS = st.lists(st.integers(0, 10_000), min_size=1, max_size=6)


def _change(content, path: list[int], value) -> None:
    """Put `value` in the place to which the numbers of `path` lead, each taken modulo what there is."""
    for step in path:
        keys = list(content) if isinstance(content, dict) else range(len(content))
        if not keys:
            return
        key = keys[step % len(keys)]
        if step == path[-1] or not isinstance(content[key], dict | list):
            content[key] = deepcopy(value)
            return
        content = content[key]


@settings(max_examples=1500, deadline=None)
@given(changes=st.lists(st.tuples(PATHS, ODD), min_size=1, max_size=5))
def test_whatever_stands_where_in_a_notebook_it_is_read_or_told(changes):
    content = notebooks.honest("0.1").content
    for path, value in changes:
        _change(content, path, value)
    _read_or_told(json.dumps(content).encode())


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_whatever_bytes_are_changed_it_is_read_or_told(data):
    content = bytearray(notebooks.honest("0.1").to_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _read_or_told(bytes(content))


pristine_of = cache(lambda lesson: read_pristine(lesson.solution))


def _read_or_told(content: bytes) -> None:
    """Read answers as the grader does; only `NotebookError` may come out, with a sentence that names the file."""
    try:
        notebook = parse_notebook(content, Path("ada.ipynb"))
        answers = take_answers(notebook, pristine_of(find_lesson_of(notebook, LESSONS)))
    except NotebookError as error:
        sentence = str(error)
    else:
        sentence = "ada.ipynb"
        assert all(answer.source is None or len(answer.source) <= 20_000 for answer in answers.values())
    assert "ada.ipynb" in sentence


# a whole class ------------------------------------------------------------------------------------------------------


class InThisProcess(Executor):
    """Grades at once, by the grader that is there."""

    def __init__(self, grader):
        self._grader = grader

    @property
    def capacity(self):
        return 1

    def submit(self, job):
        future = Future()
        future.set_result(self._grader.grade(job.content, job.source, job.nonce))
        return future

    def close(self):
        """Nothing was opened."""


def _member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def _hostile_class(folder: Path, secret: Path) -> None:
    """Write a class of two honest learners among hostile ones."""
    honest = notebooks.honest("0.1").to_bytes()
    (folder / "ada.ipynb").write_bytes(honest)
    (folder / "zoe.ipynb").write_bytes(honest)
    for number, (what, content) in enumerate(FILES.items()):
        if len(content) < 1_000_000:
            (folder / f"{number:02}-{what.replace(' ', '-')}.ipynb").write_bytes(content)
    (folder / "link.ipynb").symlink_to(secret)
    (folder / "link-to-all").symlink_to("/")
    os.mkfifo(folder / "fifo.ipynb")
    with zipfile.ZipFile(folder / "slip.zip", "w") as file:
        for name in ("../../owned.ipynb", "/tmp/owned.ipynb", "..\\..\\owned.ipynb", "a/../../../owned.ipynb"):
            file.writestr(_member(name), honest)
        file.writestr(_member("passwd.ipynb", stat.S_IFLNK | 0o777), str(secret))
        file.writestr(_member("good.ipynb"), honest)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.ipynb", bytes(500_000_000))
    (folder / "damaged.zip").write_bytes((folder / "slip.zip").read_bytes()[:-60])
    page = notebooks.honest("0.1", {"0.1.1": f"raise ValueError(1)  # {SCRIPT}", "0.1.3": f'choice = ("{SCRIPT}", 1)'})
    page.content["metadata"]["authors"] = [{"name": SCRIPT}]
    (folder / "script.ipynb").write_bytes(page.to_bytes())


def _everything_in(folder: Path) -> list[Path]:
    return [Path(where, name) for where, folders, files in os.walk(folder) for name in (*folders, *files)]


def test_a_class_with_hostile_files_in_it_is_graded_and_nothing_is_written_elsewhere(grader, tmp_path):
    folder, secret, out = tmp_path / "handed in", tmp_path / "secret.txt", tmp_path / "out"
    folder.mkdir()
    secret.write_bytes(notebooks.honest("0.1").to_bytes())
    _hostile_class(folder, secret)
    before = set(_everything_in(tmp_path))
    with Gradebook.open(out / "gradebook.sqlite") as gradebook:
        grade_class(find_submissions(folder), gradebook, InThisProcess(grader))
        results = results_so_far(gradebook)
        write_class(results, out / "pages")
    assert [path for path in _everything_in(tmp_path) if not path.is_relative_to(out) and path not in before] == []
    assert not Path("/tmp/owned.ipynb").exists()
    assert not Path("/tmp/owned-by-pickle").exists()

    earned = {learner.learner: sum(e.grade.earned for e in learner.lessons.values()) for learner in results.learners}
    # of slip.zip's notebooks, the one that is meant to land where it should
    assert {name: points for name, points in earned.items() if points} == {"ada": 4, "zoe": 4, "slip": 4, "script": 1}
    pages = list((out / "pages").rglob("*.html"))
    assert len(pages) > 5
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "<script>document" not in text
        assert "<img src=x" not in text
    script = next(path for path in pages if "script" in path.name).read_text(encoding="utf-8")
    assert "&lt;script&gt;document" in script
