"""The `course` command: what it prints, what it leaves with, and that a user's mistake is never a traceback."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy
from typer.testing import CliRunner

from utils.cli import doctor, lab, main
from utils.cli.app import app
from utils.cli.building import chosen
from utils.cli.checking import run_check
from utils.cli.messages import UserError
from utils.cli.progress import run_progress
from utils.cli.training import run_train
from utils.lessons import LESSONS, ROOT
from utils.publishing.building import build

COMMANDS = ("lab", "check", "grade", "autograder", "progress", "train", "doctor", "build")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The toy course, built."""
    course = toy.write_source(tmp_path_factory.mktemp("toy"))
    build(**course.options)
    return course


@pytest.fixture
def learner(built, tmp_path):
    """A notebook that answers the first exercise and leaves the others."""
    notebook = json.loads(built.notebook.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] == "answer-9-1-1":
            cell["source"] = toy.SOLVED["9.1.1"]
        if cell["id"] == "answer-9-1-3":
            cell["source"] = "def added(number):\n    return [bold]"
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def call(monkeypatch, capsys, *arguments: str) -> SimpleNamespace:
    """Run the command in this process as the shell would."""
    monkeypatch.setattr(sys, "argv", ["course", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr()
    return SimpleNamespace(code=caught.value.code or 0, out=said.out, err=said.err)


# --- the command itself


def test_help_is_fast_and_names_every_command():
    environment = {**os.environ, "COLUMNS": "100"}
    code = (
        "import atexit, sys, time\n"
        "atexit.register(lambda: print(time.process_time(), file=sys.stderr))\n"
        "from utils.cli import main\n"
        "main()"
    )
    command = [sys.executable, "-c", code, "--help"]
    times = []
    for _ in range(3):  # the best of three, and processor time: this machine may be busy
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        times.append(float(ran.stderr))
    assert min(times) < 0.7
    assert all(f" {command} " in ran.stdout for command in COMMANDS)


def test_the_command_starts_without_torch():
    code = (
        "import sys, utils.cli.app, utils.cli.checking, utils.cli.progress, utils.cli.doctor, utils.cli.lab\n"
        "sys.exit(bool({'torch', 'nbformat', 'nbgrader', 'jupytext'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"})
    assert shown.exit_code == 0
    assert f"course {command}" in shown.output.partition("Usage")[2].partition("\n")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "9.9"], "there is no lesson '9.9'"),
        (["check", "nothing.ipynb"], "nothing.ipynb does not exist"),
        (["train", "clip_scene"], "there is no recipe 'clip_scene'; did you mean clip_scenes"),
        (["lab", "--port", "0"], "--port"),
        (["chekc"], "check"),  # codespell:ignore chekc
    ],
)
def test_a_users_mistake_is_told_in_a_sentence(arguments, message, monkeypatch, capsys):
    told = call(monkeypatch, capsys, *arguments)
    assert told.code == 2
    assert message in told.err
    assert "Traceback" not in told.err


# --- course check


def check(*paths, built, **options) -> int:
    return run_check(paths, lessons=(toy.LESSON,), solutions=built.solutions, **options)


def test_check_prints_a_line_for_each_exercise_and_the_points(built, learner, capsys):
    assert check(learner, built=built) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "✓ 9.1.1 Twice passed 2 of 2"
    assert lines[2] == "· 9.1.2 A prediction to do 0 of 1"
    assert lines[3] == "! 9.1.3 A bug crashed 0 of 3"
    assert lines[4] == "NameError: name 'bold' is not defined"
    assert lines[-1] == "1 of 3 exercises passed, 2 of 6 points."


def test_check_leaves_with_0_only_if_all_is_passed(built, capsys):
    assert check(built.solution, built=built) == 0
    assert "3 of 3 exercises passed, 6 of 6 points." in capsys.readouterr().out


def test_json_holds_the_whole_result_and_nothing_else(built, tmp_path, capsys):
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{", encoding="utf-8")
    assert check(built.notebook, broken, built=built, as_json=True) == 2
    content = json.loads(capsys.readouterr().out)
    assert content["passed"] is False
    assert content["notebooks"][0]["lesson"] == "9.1"
    assert [exercise["status"] for exercise in content["notebooks"][0]["exercises"]] == ["to do"] * 3
    assert "is not JSON" in content["errors"][0]["error"]


def test_a_folder_is_checked_whole_and_strangers_in_it_are_skipped(built, tmp_path, capsys):
    for name in ("a/one.ipynb", "a/b/two.ipynb", "a/.ipynb_checkpoints/one-checkpoint.ipynb"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(built.notebook.read_bytes())
    stranger = tmp_path / "a" / "holiday.ipynb"
    stranger.write_text('{"nbformat": 4, "cells": []}', encoding="utf-8")
    assert check(tmp_path / "a", built=built) == 1
    said = capsys.readouterr()
    assert said.out.count("0 of 3 exercises passed") == 2
    assert "Together 0 of 12 points." in said.out
    assert "Skipped: " in said.err
    assert check(stranger, built=built) == 2


def test_a_broken_notebook_does_not_keep_the_others_from_being_checked(built, tmp_path, capsys):
    broken = tmp_path / "broken.ipynb"
    broken.write_bytes(b"\xff")
    assert check(broken, built.notebook, built=built) == 2
    said = capsys.readouterr()
    assert "is not UTF-8" in said.err
    assert "0 of 3 exercises passed" in said.out


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(UserError, match="there is no notebook"):
        run_check([tmp_path])


# --- course progress


def test_progress_shows_points_and_what_comes_next(built, tmp_path, monkeypatch, capsys):
    record = {"status": "passed", "attempts": 1, "hints_opened": 0}
    exercises = {"9.1.1": record, "9.1.3": {**record, "status": "not yet"}}
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"version": 1, "exercises": exercises}), encoding="utf-8")
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    lessons = (toy.LESSON, toy.UNBUILT)
    assert run_progress(lessons=lessons, course=built.course, solutions=built.solutions, every=True) == 0
    out = capsys.readouterr().out
    assert "1 of 3" in out
    assert "2 of 6 points." in out
    assert "Next: 9.1.2 A prediction" in out
    assert "not built yet" in out
    assert "begun" in out
    assert str(path) in out


def test_progress_without_a_file_begins_at_the_first_exercise(built, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "none.json"))
    run_progress(lessons=(toy.LESSON,), course=built.course, solutions=built.solutions)
    assert "Next: 9.1.1 Twice" in capsys.readouterr().out


def test_a_damaged_progress_file_is_told(built, tmp_path, monkeypatch, capsys):
    path = tmp_path / "progress.json"
    path.write_text("{", encoding="utf-8")
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    run_progress(lessons=(toy.LESSON,), course=built.course, solutions=built.solutions)
    assert "set aside" in capsys.readouterr().err


# --- course lab


@pytest.fixture
def start(tmp_path):
    """The first notebook, in a repository of its own."""
    path = tmp_path / "course" / "0_start" / "1 start.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_lab_opens_the_notebook_offline(start, tmp_path):
    port = free_port()
    arguments = lab.lab_arguments(start, browser=False, port=port, arguments=["--ip=0.0.0.0"], root=tmp_path)
    assert "--LabApp.default_url=/lab/tree/course/0_start/1%20start.ipynb" in arguments
    assert f"--ServerApp.root_dir={tmp_path}" in arguments
    assert f"--ServerApp.port={port}" in arguments
    assert "--LabApp.news_url=None" in arguments
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in arguments
    assert arguments[-2:] == ["--no-browser", "--ip=0.0.0.0"]
    assert "--no-browser" not in lab.lab_arguments(start, browser=True, port=port, root=tmp_path)


def test_jupyterlab_knows_the_settings_that_lab_gives_it():
    from jupyterlab.labapp import LabApp

    assert LabApp.news_url.allow_none
    assert {"check_for_updates_class", "extension_manager", "default_url"} <= set(LabApp.class_trait_names())


def test_a_port_in_use_is_told_with_what_to_do(start, tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(UserError) as caught:
            lab.lab_arguments(start, browser=False, port=port, root=tmp_path)
    assert f"port {port} is in use" in str(caught.value)
    assert "jupyter server list" in str(caught.value)
    assert "course lab --port" in str(caught.value)


def test_lab_without_notebooks_says_how_to_get_them(tmp_path):
    with pytest.raises(UserError, match="course build"):
        lab.lab_arguments(tmp_path / "none.ipynb", browser=False, port=free_port(), root=tmp_path)


def test_lab_as_root_says_how_to_insist(monkeypatch, start, tmp_path):
    monkeypatch.setattr(lab, "lab_arguments", lambda *arguments, **options: [])
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    with pytest.raises(UserError, match="course lab -- --allow-root"):
        lab.run_lab(browser=False, port=8888)


# --- course build


def test_lessons_are_named_by_number_or_path():
    first = LESSONS[0]
    for name in ("0.1", "0_start/1_start_here", "0_start/1_start_here.py", str(first.source), str(first.notebook)):
        assert chosen([name]) == [first]
    assert all(lesson.source.exists() for lesson in chosen([]))


def test_build_tells_what_it_wrote_and_what_is_wrong(monkeypatch, capsys, tmp_path):
    from utils.publishing import building
    from utils.publishing.problems import BuildError, Problem

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(building, "build", lambda *arguments, **options: [tmp_path / "solutions" / "x.ipynb"])
    assert "wrote solutions/x.ipynb" in call(monkeypatch, capsys, "build").out

    def fail(*arguments, **options):
        raise BuildError([Problem(tmp_path / "x.py", "no [header]", "abc", 7)])

    monkeypatch.setattr(building, "build", fail)
    told = call(monkeypatch, capsys, "build", "--no-execute")
    assert told.code == 1
    assert "x.py:7 (cell abc): no [header]" in told.err


def test_build_check_leaves_with_1_if_something_is_stale(monkeypatch, capsys):
    from utils.publishing import building

    stale = building.Stale(ROOT / "course" / "x.ipynb", "abc", "its source differs", "0.1")
    monkeypatch.setattr(building, "find_orphans", list)
    monkeypatch.setattr(building, "find_stale", lambda *arguments, **options: [stale])
    told = call(monkeypatch, capsys, "build", "--check", "--no-execute")
    assert told.code == 1
    assert "x.ipynb (cell abc): its source differs; to mend it: course build 0.1" in told.out
    monkeypatch.setattr(building, "find_stale", lambda *arguments, **options: [])
    assert call(monkeypatch, capsys, "build", "--check").code == 0


# --- course train


def test_train_lists_the_recipes_with_what_they_make(capsys):
    from utils.training.recipes import NAMES, find_recipe

    assert run_train(None) == 0
    out = capsys.readouterr().out
    for name in NAMES:
        assert name in out
        assert find_recipe(name).description in out


@pytest.fixture
def made(monkeypatch):
    """Stands for the training itself: remembers what was asked for, and gives a card with one figure."""
    from utils.evaluation import held_out

    asked = SimpleNamespace(value=0.99, error=None)

    def make_checkpoint(name, folder):
        asked.name, asked.folder = name, folder
        if asked.error:
            raise asked.error
        figure = SimpleNamespace(value=asked.value, bar=0.95, at_most=False, met=asked.value >= 0.95)
        return SimpleNamespace(figures={"recall@1": figure})

    monkeypatch.setattr(held_out, "make_checkpoint", make_checkpoint)
    return asked


def test_train_makes_the_checkpoint_and_tells_its_figures(made, tmp_path, capsys):
    assert run_train("clip_scenes", output=tmp_path) == 0
    assert (made.name, made.folder) == ("clip_scenes", tmp_path)
    assert "recall@1 0.990, bar 0.95: met" in capsys.readouterr().out


def test_train_leaves_with_1_when_a_figure_misses_its_bar(made, capsys):
    made.value = 0.5
    assert run_train("clip_scenes") == 1
    assert "NOT met" in capsys.readouterr().out


def test_stopped_training_is_told_without_a_traceback(made, capsys):
    from utils.training.loop import TrainingInterrupted

    made.error = TrainingInterrupted("stopped after 3 of 10 steps")
    assert run_train("clip_scenes") == 130
    assert "no checkpoint was written" in capsys.readouterr().err


@pytest.fixture
def four(monkeypatch):
    """Stands for the training of all families: four cards, of which one may miss its bar, and a table."""
    from utils.evaluation import families
    from utils.training import checkpoints

    asked = SimpleNamespace(missed="", error=None, stored=None)

    def train_families(folder):
        asked.folder = folder
        if asked.error:
            raise asked.error
        return {"fusion": []}

    def load_card(name, folder):
        figure = SimpleNamespace(value=0.9, bar=0.8, at_most=False, met=name != asked.missed)
        return SimpleNamespace(name=name, figures={"answers held_out": figure})

    monkeypatch.setattr(families, "train_families", train_families)
    monkeypatch.setattr(families, "store_results", lambda results, path: setattr(asked, "stored", (results, path)))
    monkeypatch.setattr(checkpoints, "load_card", load_card)
    return asked


def test_train_families_makes_four_checkpoints_and_stores_their_table(four, tmp_path, capsys):
    assert run_train("families", output=tmp_path) == 0
    assert four.stored == ({"fusion": []}, tmp_path / "families.json")
    out = capsys.readouterr().out
    assert all(name in out for name in ("family_dual_encoder", "family_fusion", "family_end_to_end"))
    assert out.count("answers held_out 0.900, bar 0.80: met") == 4


def test_train_families_writes_into_the_course_unless_it_is_told_where(four):
    from utils.evaluation.families import FIGURES
    from utils.training.checkpoints import CHECKPOINTS

    assert run_train("families") == 0
    assert (four.folder, four.stored[1]) == (CHECKPOINTS, FIGURES)


def test_train_families_leaves_with_1_when_one_of_them_misses_its_bar(four, capsys):
    four.missed = "family_fusion"
    assert run_train("families") == 1
    assert capsys.readouterr().out.count("NOT met") == 1


def test_a_stopped_training_of_families_writes_no_table(four, capsys):
    from utils.training.loop import TrainingInterrupted

    four.error = TrainingInterrupted("stopped after 3 of 10 steps")
    assert run_train("families") == 130
    assert four.stored is None
    assert "no table was written" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(made):
    made.error = PermissionError(13, "Permission denied", "/nowhere")
    with pytest.raises(UserError, match="cannot be written"):
        run_train("clip_scenes")


# --- course doctor


def findings() -> dict:
    return {finding.name: finding for finding in doctor.examine()}


def test_doctor_looks_at_everything_and_its_verdict_follows(monkeypatch, capsys):
    found = findings()
    expected = {"Python", "Platform", "Cores", "Memory", "Disk", "Packages", "PyTorch", "Notebooks", "Progress"}
    assert expected <= set(found)
    assert found["Python"].well
    assert found["Packages"].well
    optional = doctor.Finding("Chromium", "not found", well=False, required=False)
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("Python", "3.11"), optional])
    assert doctor.run_doctor() == 0
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("Python", "2.7", well=False, remedy="take 3.11")])
    assert doctor.run_doctor() == 1
    assert "take 3.11" in capsys.readouterr().out


def test_a_package_that_is_missing_or_too_old_is_named(monkeypatch):
    version = doctor.importlib.metadata.version

    def pretend(name):
        if name == "einops":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "ruff" else version(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", pretend)
    packages = {finding.name: finding for finding in doctor._packages()}
    assert packages["Packages"].found == "einops is missing"
    assert packages["Packages"].required
    assert packages["For authors (dev)"].found == "ruff 0.1 is not >=0.9"
    assert not packages["For authors (dev)"].required
    assert packages["For tests (test)"].well


def test_a_progress_folder_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    finding = doctor._progress()
    assert not finding.well
    assert "COURSE_PROGRESS" in finding.remedy


def test_a_browser_is_found_or_the_remedy_told(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    finding = doctor._browser()
    assert (finding.well, finding.required) == (False, False)
    assert "apt-get install chromium" in finding.remedy
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert doctor._browser().found == "/usr/bin/chromium"


def test_the_console_takes_brackets_as_they_are(capsys):
    from utils.cli.messages import complain

    complain(f"no such [bold]file[/] in {Path('[x]')}")
    assert "no such [bold]file[/] in [x]" in capsys.readouterr().err
