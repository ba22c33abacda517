"""The zip for Gradescope holds what it takes and no more, and its run_autograder answers whatever is handed in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
import submitted
from submitted import LESSON, POINTS, RIGHT, WRONG

from utils.grading import autograder
from utils.lessons import LESSONS, SOLUTIONS
from utils.publishing.submission import NotebookError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the zip's scripts are for bash")

NONCE = "a nonce of this test"
NAME = LESSON.notebook.name


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return autograder.build_autograder(LESSON, tmp_path_factory.mktemp("zip") / "autograder.zip", nonce=NONCE)


@pytest.fixture
def container(archive, tmp_path) -> Path:
    """The folders of a container: what Gradescope calls /autograder."""
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(archive), str(tmp_path / "source")], check=True)
    (tmp_path / "submission").mkdir()
    return tmp_path


def run_autograder(container: Path, *before: str, python: str = sys.executable) -> dict:
    """Run the zip's own script, as Gradescope does, and return what it left; `before` is a command that runs it."""
    environment = {**os.environ, "AUTOGRADER": str(container), "AUTOGRADER_PYTHON": python}
    script = container / "source" / "run_autograder"
    subprocess.run([*before, "bash", str(script)], env=environment, cwd=container, check=True)
    return results(container)


def results(container: Path) -> dict:
    return json.loads((container / "results" / "results.json").read_text(encoding="utf-8"))


def run_here(container: Path) -> dict:
    """As `run_autograder`, with the code of this process."""
    autograder.main([str(container)])
    return results(container)


def test_the_zip_holds_scripts_settings_the_course_and_one_solution(archive):
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in opened.infolist()}
        assert json.loads(opened.read("autograder.json")) == {"lesson": "0.1", "nonce": NONCE}
    assert {name for name in names if "/" not in name} == {"setup.sh", "run_autograder", "autograder.json"}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert {"course/pyproject.toml", "course/constraints.txt", "course/utils/grading/autograder.py"} <= names
    assert {name for name in names if "solutions" in name} == {f"course/solutions/{LESSON.path}.ipynb"}
    assert not [name for name in names if "__pycache__" in name or ".git" in name or "tests" in name]
    assert archive.stat().st_size < 10_000_000


def test_a_nonce_is_made_where_none_is_given(tmp_path):
    settings = []
    for name in ("one.zip", "two.zip"):
        with zipfile.ZipFile(autograder.build_autograder(LESSON, tmp_path / name)) as opened:
            settings.append(json.loads(opened.read("autograder.json"))["nonce"])
    assert len({*settings}) == 2
    assert all(len(nonce) == 32 for nonce in settings)


def test_a_lesson_that_was_never_built_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.lessons.SOLUTIONS", tmp_path)
    with pytest.raises(NotebookError, match="course build"):
        autograder.build_autograder(LESSON, tmp_path / "autograder.zip")
    assert not (tmp_path / "autograder.zip").exists()


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(archive, script):
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(script)
    assert text.startswith(b"#!/usr/bin/env bash\n")
    assert b"\r" not in text
    subprocess.run(["bash", "-n"], input=text, check=True)


@pytest.mark.parametrize(("answers", "score"), [(RIGHT, POINTS), (WRONG, 0), (submitted.READS_REFERENCE, 0)])
def test_a_submission_is_graded_by_the_zips_own_code(container, answers, score):
    definitions = container / "source" / "course" / "utils" / "exercises" / "definitions" / "lesson_0_1.py"
    text = definitions.read_text(encoding="utf-8")
    definitions.write_text(text.replace("How bright it is", "The zip's own"), encoding="utf-8")
    submitted.save(container / "submission" / NAME, answers)
    said = run_autograder(container)
    assert said["tests"][0]["name"] == "0.1.1 The zip's own"
    assert said["score"] == score
    assert [(test["number"], test["max_score"]) for test in said["tests"]] == [("0.1.1", 2), ("0.1.2", 1), ("0.1.3", 1)]
    assert sum(test["score"] for test in said["tests"]) == score


def test_solutions_and_results_are_closed_to_other_users(container):
    submitted.save(container / "submission" / NAME, {})
    (container / "source").chmod(0o755)
    run_autograder(container)
    assert [(container / name).stat().st_mode & 0o077 for name in ("source", "results")] == [0, 0]


READS_SOLUTION = """
import json
cells = json.load(open("{solution}"))["cells"]
exec("".join(next(cell for cell in cells if cell["id"] == "answer-0-1-1")["source"]))
"""
WRITES_RESULT = 'byte = 4 if open("{results}", "w").write("{{}}") else 0'


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="Gradescope's containers run as root")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="takes setpriv, of util-linux")
def test_where_namespaces_are_refused_solutions_and_results_are_out_of_reach(container):
    """As in a container of Docker, which leaves its root without the right to make them."""
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(shutil.copytree(container, Path(outer, "autograder")))
        for above in (folder, folder.parent):
            above.chmod(0o755)  # in a container neither is closed
        solution = folder / "source" / "course" / "solutions" / f"{LESSON.path}.ipynb"
        answers = {
            **RIGHT,
            "0.1.1": READS_SOLUTION.format(solution=solution),
            "0.1.2": WRITES_RESULT.format(results=folder / "results" / "results.json"),
        }
        submitted.save(folder / "submission" / NAME, answers)
        said = run_autograder(folder, "setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    assert [test["score"] for test in said["tests"]] == [0, 0, 1]
    assert ["PermissionError" in test["output"] for test in said["tests"]] == [True, True, False]


def test_the_same_submission_keeps_its_result_bit_for_bit(container):
    submitted.save(container / "submission" / "my copy.ipynb", {**RIGHT, "0.1.2": "byte = 255"})
    said = run_here(container)
    assert said["score"] == POINTS - 1
    assert run_here(container) == said


def test_a_broken_notebook_gets_a_sentence_that_names_it(container):
    (container / "submission" / NAME).write_text('{"cells": [', encoding="utf-8")
    said = run_autograder(container)
    assert said["score"] == 0
    assert NAME in said["output"]
    assert "not JSON" in said["output"]


def test_nothing_handed_in_asks_for_the_notebook(container):
    said = run_here(container)
    assert said["score"] == 0
    assert NAME in said["output"]


def test_a_notebook_of_another_lesson_is_named(container):
    shutil.copy(LESSONS[1].notebook, container / "submission")
    said = run_here(container)
    assert said["score"] == 0
    assert f"{LESSONS[1].notebook.name} belongs to lesson 1.1" in said["output"]


def test_of_two_notebooks_none_is_chosen(container):
    for name in ("one.ipynb", "two.ipynb"):
        submitted.save(container / "submission" / name, RIGHT)
    said = run_here(container)
    assert said["score"] == 0
    assert "one.ipynb" in said["output"]
    assert "submit one" in said["output"]


def test_what_lies_beside_the_notebook_does_not_matter(container):
    submitted.save(container / "submission" / "mine" / NAME, RIGHT)
    shutil.copy(LESSONS[1].notebook, container / "submission")
    (container / "submission" / "notes.txt").write_text("mine", encoding="utf-8")
    assert run_here(container)["score"] == POINTS


def test_a_link_to_the_solution_is_not_a_submission(container):
    """A submission by git may hold links, and root could follow them."""
    os.symlink(SOLUTIONS / f"{LESSON.path}.ipynb", container / "submission" / NAME)
    said = run_here(container)
    assert said["score"] == 0
    assert NAME in said["output"]


def test_a_failing_grader_leaves_a_result_and_a_traceback(container, monkeypatch, capsys):
    def fail(**settings):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(autograder, "Grader", fail)
    submitted.save(container / "submission" / NAME, RIGHT)
    said = run_here(container)
    assert said["score"] == 0
    assert "by no fault of your work" in said["output"]
    assert "the disk is full" not in json.dumps(said)
    assert "the disk is full" in capsys.readouterr().err


def test_a_grader_that_dies_leaves_a_result(container):
    submitted.save(container / "submission" / NAME, RIGHT)
    (container / "results").mkdir()
    (container / "results" / "results.json").write_text('{"score": 4}', encoding="utf-8")
    said = run_autograder(container, python=shutil.which("false"))
    assert said["score"] == 0
    assert "by no fault of your work" in said["output"]
