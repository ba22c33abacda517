"""Every lesson: fresh, solvable, honest when unsolved, and in the rhythm of the course.

A lesson's notebook takes up to a minute, so each is run twice and no more: saved unsolved, and solved.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from utils.exercises.definition import count
from utils.exercises.registry import lesson_exercises
from utils.lessons import COURSE, LESSONS, SOLUTIONS, find_lesson
from utils.publishing.building import find_orphans, find_stale
from utils.publishing.checking import check_notebook
from utils.publishing.verdicts import joined, output_text

WRITTEN = [lesson for lesson in LESSONS if lesson.source.exists()]
CELL_TIMEOUT = 400  # seconds; the machine that tests may have other work

each_lesson = pytest.mark.parametrize("lesson", WRITTEN, ids=lambda lesson: lesson.id)


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def course_of(cell: dict) -> dict:
    return cell["metadata"].get("course", {})


def run_nbval(path: Path, report: Path) -> dict[str, dict]:
    """Run `pytest --nbval` over the notebook at `path`; return the plugin's record of each code cell by its id."""
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", f"--nbval-cell-timeout={CELL_TIMEOUT}", str(path)]
    command += ["-p", "no:cacheprovider", "-p", "nbval.plugin", "-p", "utils.publishing.pytest_plugin"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    ran = subprocess.run(
        [*command, f"--course-report={report}"],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    records = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert len(records) == len(code_cells(load(path))), ran.stdout
    return {record["id"]: record for record in records}


def red(records: dict[str, dict]) -> dict[str, str]:
    """The cells that failed, each with what it printed and why it failed."""
    return {
        cell: f"{record['text'].strip()} {record['error'] or record['reason']}"
        for cell, record in records.items()
        if not record["passed"]
    }


@each_lesson
def test_both_notebooks_are_what_their_source_gives(lesson):
    assert [str(stale) for stale in find_stale([lesson], execute=False)] == []


def test_no_notebook_is_left_over():
    assert [str(orphan) for orphan in find_orphans()] == []


@each_lesson
def test_a_changed_source_is_noticed(lesson, tmp_path):
    folders = {"course": tmp_path / "course", "solutions": tmp_path / "solutions"}
    for tree, original in (("course", COURSE), ("solutions", SOLUTIONS)):
        folder = (folders[tree] / lesson.path).parent
        folder.mkdir(parents=True)
        for file in original.glob(f"{lesson.path}.*"):
            shutil.copy(file, folder)
    assert find_stale([lesson], execute=False, **folders) == []
    source = folders["solutions"] / f"{lesson.path}.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# %% [markdown]\n# One more thing.\n", encoding="utf-8")
    (stale,) = find_stale([lesson], execute=False, **folders)
    assert stale.file == folders["solutions"] / f"{lesson.path}.ipynb"
    assert "One more thing." in str(stale)
    assert f"course build {lesson.id}" in str(stale)


@each_lesson
def test_the_rhythm_is_that_of_the_course(lesson):
    cells = load(lesson.notebook)["cells"]
    code = [
        sum(bool(line.strip()) and not line.strip().startswith("#") for line in joined(cell["source"]).splitlines())
        for cell in cells
        if cell["cell_type"] == "code"
    ]
    prose = [len(joined(cell["source"]).split()) for cell in cells if cell["cell_type"] == "markdown"]
    neighbours = [
        second["id"] for first, second in pairwise(cells) if first["cell_type"] == second["cell_type"] == "code"
    ]
    assert max(code) <= 30, "no code cell over 30 lines"
    assert statistics.median(code) <= 8, "the median code cell has at most 8 lines"
    assert statistics.median(prose) <= 60, "the median prose cell has at most 60 words"
    assert sum(prose) < 3000, "under 3,000 words"
    assert neighbours == [], "no two code cells in a row without a sentence"


@each_lesson
def test_every_exercise_is_asked_once_and_its_answer_is_not_given_away(lesson):
    notebook = load(lesson.notebook)
    defined = [exercise.id for exercise in lesson_exercises(lesson.id, missing_ok=True)]
    for kind in ("answer", "check"):
        assert [course_of(cell)[kind] for cell in code_cells(notebook) if kind in course_of(cell)] == defined
    answers = [cell for cell in code_cells(notebook) if "answer" in course_of(cell)]
    assert all(cell["outputs"] == [] and "SOLUTION" not in joined(cell["source"]) for cell in answers)


def unsolved(lesson) -> dict:
    """The learner's notebook as Run All and Save leave it."""
    notebook = load(lesson.notebook)
    for cell in code_cells(notebook):
        if "check" in course_of(cell):
            exercise = course_of(cell)["check"]
            (passed,) = [line for line in output_text(cell["outputs"]).splitlines() if line.startswith(f"{exercise} ")]
            to_do = passed.partition(": passed")[0] + ": to do"
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": f"{to_do}\n"}]
            cell["metadata"]["expected"] = to_do
    return notebook


@pytest.mark.notebook
@each_lesson
def test_an_unsolved_notebook_is_red_in_exactly_its_checks_even_when_run_and_saved(lesson, tmp_path):
    notebook, saved = unsolved(lesson), tmp_path / lesson.notebook.name
    saved.write_text(json.dumps(notebook), encoding="utf-8")
    checks = [cell for cell in code_cells(notebook) if "check" in course_of(cell)]
    records = run_nbval(saved, tmp_path / "report")
    assert set(red(records)) == {cell["id"] for cell in checks}, red(records)
    for cell in checks:  # what was stored is what came out again: by itself, nbval would have been content
        assert records[cell["id"]]["text"].startswith(cell["metadata"]["expected"])


@pytest.mark.notebook
@each_lesson
def test_the_solution_is_green_and_passes_every_check(lesson, tmp_path):
    records = run_nbval(lesson.solution, tmp_path / "report")
    assert red(records) == {}
    checks = [cell for cell in code_cells(load(lesson.solution)) if "check" in course_of(cell)]
    exercises = {exercise.id: exercise for exercise in lesson_exercises(lesson.id, missing_ok=True)}
    assert len(checks) == len(exercises)
    for cell in checks:
        exercise = exercises[course_of(cell)["check"]]
        expected = f"{exercise.id} {exercise.title}: passed, {count(exercise.points, 'point')}"
        assert expected in records[cell["id"]]["text"]


@each_lesson
def test_a_learners_notebook_with_the_solutions_answers_is_the_solution(lesson):
    notebook, solution = load(lesson.notebook), load(lesson.solution)
    answers = {cell["id"]: cell["source"] for cell in code_cells(solution) if "answer" in course_of(cell)}
    assert [joined(answers.get(cell["id"], cell["source"])) for cell in code_cells(notebook)] == [
        joined(cell["source"]) for cell in code_cells(solution)
    ]


@pytest.mark.notebook
def test_a_solved_notebook_earns_all_points(tmp_path):
    lesson = find_lesson("0.1")
    mine = shutil.copy(lesson.solution, tmp_path / "mine.ipynb")
    result = check_notebook(mine, cell_timeout=CELL_TIMEOUT)
    assert result.passed
    assert result.points == result.out_of == sum(exercise.points for exercise in lesson_exercises(lesson.id))
    assert result.notes == ()
