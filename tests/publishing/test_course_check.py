"""`course check` and the pytest plugin on the toy lesson, with real kernels."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import toy

from utils.publishing.checking import CheckError, check_notebook
from utils.publishing.submission import NotebookError

# without the plugins that happen to be installed, as they cost seconds, and without options for another run
ENVIRONMENT = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
PYTEST = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-p", "nbval.plugin"]
PYTEST += ["-p", "utils.publishing.pytest_plugin"]
CHECKS = {"check-9-1-1", "check-9-1-2", "check-9-1-3"}


@pytest.fixture
def checked(built, learner):
    """A function that checks a learner's notebook with these answers and returns its result."""

    def run(answers, *, edit=lambda notebook: None, **options):
        path = learner(answers, edit=edit)
        return check_notebook(path, lessons=(toy.LESSON,), solutions=built.solutions, answer_timeout=2, **options)

    return run


def statuses(result) -> dict:
    return {exercise.exercise: exercise.status for exercise in result.exercises}


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )


def red_cells(path: Path, built) -> set[str]:
    """Run nbval over the notebook at `path`; return the ids of the code cells that fail."""
    report = path.parent / f"{path.stem}.report"
    run([*PYTEST, str(path), f"--course-pristine={built.solution}", f"--course-report={report}"], path.parent)
    records = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert len(records) == 10
    return {record["id"] for record in records if not record["passed"]}


def test_a_solved_notebook_earns_all_points(checked):
    heard = []
    result = checked(toy.SOLVED, on_result=heard.append)
    assert result.passed
    assert (result.points, result.out_of) == (6, 6)
    assert result.notes == ()
    assert tuple(heard) == result.exercises
    assert result.as_dict()["exercises"][0] == {
        "exercise": "9.1.1",
        "title": "Twice",
        "status": "passed",
        "message": "",
        "points": 2,
        "out_of": 2,
    }


def test_an_untouched_notebook_is_to_do_and_needs_no_kernel(checked, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **options: pytest.fail("a process is started"))
    result = checked({})
    assert set(statuses(result).values()) == {"to do"}
    assert (result.points, result.passed) == (0, False)


def test_wrong_and_missing_answers_are_told_one_by_one(checked):
    def delete_second(notebook):
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "answer-9-1-2"]

    result = checked({**toy.SOLVED, "9.1.3": "def added(number):\n    return 0"}, edit=delete_second)
    assert statuses(result) == {"9.1.1": "passed", "9.1.2": "to do", "9.1.3": "not yet"}
    messages = {exercise.exercise: exercise.message for exercise in result.exercises}
    assert "answer cell is missing" in messages["9.1.2"]
    assert messages["9.1.3"] == "that is not it"
    assert result.points == 2


def test_errors_cost_their_own_exercise_only_and_name_the_line(checked):
    answers = {**toy.SOLVED, "9.1.1": "def twice(number:\n    return 2", "9.1.2": "x = 1\nprediction = helper(x)"}
    result = checked(answers)
    assert statuses(result) == {"9.1.1": "crashed", "9.1.2": "crashed", "9.1.3": "passed"}
    syntax, name = result.exercises[0].message, result.exercises[1].message
    assert syntax.startswith("syntax error in line 1")
    assert name.startswith("line 2: NameError: name 'helper' is not defined (only answer cells are checked")


def test_a_loop_that_never_ends_costs_its_own_exercise_only_and_names_the_time(checked):
    answers = {
        # the toy's check leaves its thread behind: one that never sleeps would hold up the cells after it
        "9.1.1": "import time\ndef twice(number):\n    while True:\n        time.sleep(0.01)",
        "9.1.2": "while True:\n    pass",
        "9.1.3": toy.SOLVED["9.1.3"],
    }
    result = checked(answers)
    assert statuses(result) == {"9.1.1": "too slow", "9.1.2": "too slow", "9.1.3": "passed"}
    assert "more than 1 s" in result.exercises[0].message
    assert "stopped after 2 s" in result.exercises[1].message


def test_an_answer_that_ends_the_process_costs_its_own_exercise_only(checked):
    result = checked({**toy.SOLVED, "9.1.1": "import os\ndef twice(number):\n    os._exit(0)"})
    assert statuses(result) == {"9.1.1": "crashed", "9.1.2": "passed", "9.1.3": "passed"}
    assert "ended the whole Python process" in result.exercises[0].message


def test_prints_warnings_and_figures_in_an_answer_raise_no_alarm(checked):
    noisy = "import sys\ndef twice(number):\n    print('hm')\n    print('oh', file=sys.stderr)\n    return 2 * number"
    result = checked({**toy.SOLVED, "9.1.1": noisy})
    assert result.passed


def test_a_check_that_the_learner_edited_or_switched_off_is_the_courses_own(checked):
    def cheat(notebook):
        for cell in notebook["cells"]:
            if "check" in cell["metadata"].get("course", {}):
                cell["source"] = 'print("9.1.1 Twice: passed, 2 points")'
                cell["metadata"]["tags"] = ["nbval-skip", "raises-exception"]

    result = checked({"9.1.1": "def twice(number):\n    return 0"}, edit=cheat)
    assert statuses(result)["9.1.1"] == "not yet"


def test_the_kernel_runs_in_the_notebooks_own_folder_without_progress(checked, tmp_path):
    (tmp_path / "two.txt").write_text("2", encoding="utf-8")
    asks = "import os\ndef twice(number):\n    assert os.environ['COURSE_PROGRESS'] == 'off'\n"
    asks += "    return int(open('two.txt').read()) * number"
    assert statuses(checked({"9.1.1": asks}))["9.1.1"] == "passed"


def test_a_broken_notebook_is_told_and_nothing_runs(built, tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(NotebookError):
        check_notebook(path, lessons=(toy.LESSON,), solutions=built.solutions)


def test_where_nbval_does_not_run_its_words_are_told(checked, monkeypatch):
    monkeypatch.setattr("utils.publishing.checking.PLUGINS", ("no.such.plugin",))
    with pytest.raises(CheckError, match=r"no\.such\.plugin"):
        checked(toy.SOLVED)


def test_the_solution_is_green(built):
    assert red_cells(built.solution, built) == set()


def test_an_unsolved_notebook_is_red_in_its_checks_and_nowhere_else(built):
    assert red_cells(built.notebook, built) == CHECKS


def test_an_unsolved_notebook_that_was_run_and_saved_is_still_red(built, learner):
    import nbformat

    from utils.publishing.execution import execute

    path = learner({})
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent, strict=False)
    assert "9.1.1 Twice: to do" in str(notebook)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stderr", text="50%|##   |")]
    nbformat.write(notebook, path)
    assert red_cells(path, built) == CHECKS


def test_a_notebook_without_its_pristine_is_red_with_the_reason(built):
    # without --course-pristine it is looked for in this course, which has no lesson 9.1
    ran = run([*PYTEST, str(built.notebook)], built.course)
    assert ran.returncode == 1
    assert ran.stdout.count("there is no lesson '9.1'") >= 6


def test_two_workers_may_share_the_notebooks(built, tmp_path):
    copy = tmp_path / "copy.ipynb"
    copy.write_bytes(built.solution.read_bytes())
    command = [*PYTEST, "-p", "xdist", "-n", "2", "--dist", "loadfile", f"--course-pristine={built.solution}"]
    ran = run([*command, str(built.solution), str(copy)], tmp_path)
    assert ran.returncode == 0, ran.stdout


def test_a_notebook_of_another_course_is_left_alone(tmp_path):
    path = tmp_path / "other.ipynb"
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "print(1, ', bar 2')", "execution_count": 1}
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "3 , bar 2\n"}]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]}), encoding="utf-8"
    )
    # this one with every plugin that is installed, ours among them, as for someone else's notebook
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", str(path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert "1 failed" in ran.stdout


def test_the_plugin_loads_in_milliseconds():
    code = (
        "import pytest, time\nbegun = time.perf_counter()\nimport utils.publishing.pytest_plugin\n"
        "print(time.perf_counter() - begun)"
    )
    command = [sys.executable, "-c", code]
    ran = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(one.stdout) for one in ran) < 0.05  # the best of three: this machine may be busy
