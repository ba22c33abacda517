"""nbgrader handles a lesson: releases no solution, grades honest work, and is fooled where README says so."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="what is tested; pip install -e '.[dev]'")

import nbformat
import submitted
from nbgrader.api import Gradebook
from submitted import LESSON, POINTS, RIGHT, WRONG

pytestmark = pytest.mark.notebook

ASSIGNMENT = "lesson_0_1"
CONFIG = "from utils.grading.nbgrader_config import configure\n\nconfigure(get_config())\n"
ALL = POINTS

# what each learner hands in, and the points that nbgrader gives for it
HONEST = {
    "right": (submitted.WARNS, ALL),
    "right_without_checks": (RIGHT, submitted.delete_checks, ALL),
    "wrong_with_checks_to_skip": (WRONG, submitted.skip_checks, 0),
    "unsolved": ({}, 0),
}
LOST = {
    "no_check": (submitted.NO_CHECK, ALL),
    "reads_reference": (submitted.READS_REFERENCE, ALL),
    "logs": (submitted.LOGS, ALL - 2),
    "exits": (submitted.EXITS, 0),
    "copied_check": (RIGHT, submitted.copy_check, 0),
}


def environment() -> dict[str, str]:
    """As in an activated virtual environment: nbgrader starts `alembic` by its name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def nbgrader(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the `nbgrader` command in the class's folder."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def points(folder: Path) -> dict[str, float]:
    """Each learner's score in nbgrader's gradebook."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return {entry["student"]: entry["score"] for entry in gradebook.submission_dicts(ASSIGNMENT)}


def hand_in(folder: Path, learner: str, answers: dict, edit=lambda notebook: None) -> None:
    submitted.save(folder / "submitted" / learner / ASSIGNMENT / LESSON.notebook.name, answers, edit)


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """A class's folder as README sets it up, with the lesson released."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    (folder / "source" / ASSIGNMENT).mkdir(parents=True)
    shutil.copy(LESSON.notebook, folder / "source" / ASSIGNMENT)
    ran = nbgrader(folder, "generate_assignment", ASSIGNMENT)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def graded(released) -> Path:
    """The class's folder after everybody has handed in, and autograde has run."""
    for learner, (answers, *edit, _) in (HONEST | LOST).items():
        hand_in(released, learner, answers, *edit)
    with ThreadPoolExecutor(2) as pool:  # two commands, half the class each: a kernel for each notebook takes its time
        halves = ("[a-n]*", "[o-z]*")
        ran = list(pool.map(lambda half: nbgrader(released, "autograde", ASSIGNMENT, "--student", half), halves))
    assert points(released).keys() == (HONEST | LOST).keys(), "".join(half.stderr for half in ran)
    return released


def files(folder: Path) -> dict[str, str]:
    """The text of each file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def solutions() -> list[str]:
    """The lines that the lesson's source has as solutions."""
    regions = re.findall(
        r"### BEGIN SOLUTION\n(.*?)\n *### (?:STUB|END)", LESSON.source.read_text(encoding="utf-8"), re.DOTALL
    )
    return [line.strip() for region in regions for line in region.splitlines()]


def test_the_release_is_the_learners_notebook_and_nothing_else(released):
    pristine = {f"{ASSIGNMENT}/{LESSON.notebook.name}": LESSON.notebook.read_text(encoding="utf-8")}
    assert files(released / "release") == pristine


def test_no_solution_leaks_even_from_the_authors_folder(released, tmp_path):
    """Where somebody takes the lesson from solutions/, its source and the executed solution come along."""
    folder = tmp_path / "class"
    shutil.copytree(LESSON.source.parent, folder / "source" / ASSIGNMENT)
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    assert {path.suffix for path in (folder / "source" / ASSIGNMENT).iterdir()} == {".py", ".ipynb"}
    ran = nbgrader(folder, "generate_assignment", ASSIGNMENT)
    assert ran.returncode == 0, ran.stderr
    release = files(folder / "release")
    assert release == files(released / "release")
    (notebook,) = map(json.loads, release.values())
    written = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    assert len(solutions()) == 3
    assert [line for line in solutions() if line in written] == []


def test_the_classs_other_assignments_are_released_as_before(released):
    answer = {"schema_version": 3, "grade_id": "a", "solution": True, "grade": False, "locked": False, "task": False}
    cell = nbformat.v4.new_code_cell(
        "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION",
        outputs=[nbformat.v4.new_output("stream", text="4\n")],
        metadata={"nbgrader": answer},
    )
    source = released / "source" / "other"
    source.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": "P"}})
    nbformat.write(notebook, source / "other.ipynb")
    (source / "helpers.py").write_text("def half(x):\n    return x / 2\n", encoding="utf-8")
    ran = nbgrader(released, "generate_assignment", "other")
    assert ran.returncode == 0, ran.stderr
    assert (released / "release" / "other" / "helpers.py").exists()
    (cell,) = nbformat.read(released / "release" / "other" / "other.ipynb", as_version=4).cells
    assert cell.source == "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert cell.outputs == []


@pytest.mark.parametrize("learner", HONEST)
def test_nbgrader_gives_the_points_that_are_due(graded, learner):
    assert points(graded)[learner] == HONEST[learner][-1]


@pytest.mark.parametrize("learner", LOST)
def test_what_readme_calls_lost_is_lost(graded, learner):
    """Were one of these to change, README would say less than the truth, or more."""
    assert points(graded)[learner] == LOST[learner][-1]


def test_export_writes_the_points(graded):
    ran = nbgrader(graded, "export", "--to", "grades.csv")
    assert ran.returncode == 0, ran.stderr
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {
            row["student_id"]: float(row["score"]) for row in csv.DictReader(file) if row["assignment"] == ASSIGNMENT
        }
    assert rows == points(graded)


def test_the_formgrader_shows_the_lesson_and_its_submissions(graded):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (graded / "server.log").open("w", encoding="utf-8")
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=secret", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    extensions = {"ServerApp": {"jpserver_extensions": {"nbgrader.server_extensions.formgrader": True}}}
    config = graded / "jupyter_server_config.json"
    config.write_text(json.dumps(extensions), encoding="utf-8")

    def get(path: str):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/formgrader/{path}", headers={"Authorization": "token secret"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    with log, subprocess.Popen(command, cwd=graded, env=environment(), stdout=log, stderr=log) as server:
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    page = get("manage_assignments")
                    break
                except (urllib.error.URLError, ConnectionError):
                    assert server.poll() is None, (graded / "server.log").read_text(encoding="utf-8")
                    assert time.monotonic() < until, "no answer in a minute"
                    time.sleep(0.2)
            assignments = {entry["name"]: entry for entry in json.loads(get("api/assignments"))}
            submissions = json.loads(get(f"api/submissions/{ASSIGNMENT}"))
            (notebook,) = json.loads(get(f"api/submitted_notebooks/{ASSIGNMENT}/{LESSON.notebook.stem}"))[:1]
            sheet = get(f"submissions/{notebook['id']}/?index=0")
        finally:
            server.terminate()
    assert "not a subdirectory" not in page
    assert assignments[ASSIGNMENT]["max_score"] == POINTS
    assert assignments[ASSIGNMENT]["num_submissions"] == len(HONEST | LOST)
    assert {entry["student"]: entry["score"] for entry in submissions} == points(graded)
    assert "Your first exercise" in sheet


def test_one_submission_changes_the_points_of_all(graded, tmp_path):
    """nbgrader's gradebook lies where the submission's own code can write."""
    folder = tmp_path / "class"
    shutil.copytree(graded, folder)
    raise_all = "db.execute('update grade set manual_score = 9')\ndb.commit()"
    code = f"import sqlite3\ndb = sqlite3.connect('../../../gradebook.db')\n{raise_all}"
    hand_in(folder, "writer", submitted.also(WRONG, code))
    ran = nbgrader(folder, "autograde", ASSIGNMENT, "--student", "writer")
    assert ran.returncode == 0, ran.stderr
    assert min(points(folder).values()) > POINTS
