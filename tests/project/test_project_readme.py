"""README.md tells the truth: its course map, its commands, its versions."""

from __future__ import annotations

import re
import shlex

import pytest
from repository import pyproject, read_markdown, texts
from typer.testing import CliRunner

from utils.cli.app import app
from utils.lessons import LESSONS, ROOT
from utils.training.recipes import NAMES

TEXT = texts()["README.md"]
PAGE = read_markdown(TEXT)
COMMANDS = {"lab", "check", "grade", "autograder", "progress", "train", "doctor", "build"}


def lines() -> list[str]:
    """Every line of a fenced block, and every piece of inline code: what a reader may type."""
    return [line for _, block in PAGE.fences for line in block.splitlines()] + list(PAGE.code)


def commands() -> list[list[str]]:
    """The `course ...` commands, without that word."""
    parts = [part.strip() for line in lines() for part in line.split("&&")]
    return [shlex.split(part)[1:] for part in parts if re.match(r"course \w", part)]


def misuse(arguments: list[str]) -> str:
    """Why the `course` command would refuse `arguments`, "" if it would not; nothing but its help is run."""
    name, *rest = arguments
    result = CliRunner().invoke(app, [name, "--help", *rest])
    return "" if result.exit_code == 0 else result.output


def test_the_course_map_is_that_of_the_lessons():
    rows = [line for line in TEXT.splitlines() if re.match(r"\| \[\d|\| Together", line)]
    expected = [
        f"| [{lesson.id} {lesson.title}](course/{lesson.path}.ipynb) | {lesson.question} | {lesson.minutes} |"
        for lesson in LESSONS
    ]
    assert rows == [*expected, f"| Together | | {sum(lesson.minutes for lesson in LESSONS)} |"]


def test_there_are_two_commands_and_the_second_is_what_ci_runs():
    fenced = [line for _, block in PAGE.fences for line in block.splitlines()]
    learn, test = [line for line in fenced if line.startswith("pip install")]
    assert learn == "pip install -e . -c constraints.txt && course lab"
    assert texts()[".ci/run"].splitlines()[-1] == test == 'pip install -e ".[test]" -c constraints.txt && pytest -n 2'


def test_every_extra_that_is_named_exists():
    named = {extra for line in lines() for extra in re.findall(r"\.\[(\w+)\]|--extra (\w+)", line)}
    assert {name for pair in named for name in pair if name} == set(pyproject()["project"]["optional-dependencies"])


def test_every_course_command_exists_with_its_options():
    found = commands()
    assert {arguments[0] for arguments in found} == COMMANDS
    assert {" ".join(arguments): misuse(arguments) for arguments in found if misuse(arguments)} == {}


@pytest.mark.parametrize("command", ["verify course", "lab --prot 9", "progress --every", "lab --ip=0.0.0.0"])
def test_a_command_that_does_not_exist_is_found(command):
    assert misuse(command.split())


def test_its_pictures_are_quick_to_load():
    pictures = [ROOT / reference.target for reference in PAGE.references if reference.kind == "picture"]
    assert pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)


def test_every_file_that_is_named_exists():
    named = {word for line in lines() for word in re.findall(r"(?<![\w./-])(?:\w+/)+(?:[\w.-]+)?", line)}
    missing = {name for name in named if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()}
    assert missing == set()
    assert {"course/", "solutions/", "assets/", "utils/lessons.py", "tests/"} <= named


def test_the_recipe_that_is_named_exists():
    (name,) = {arguments[1] for arguments in commands() if arguments[0] == "train" and len(arguments) > 1}
    assert name in NAMES


def test_pytorch_is_the_version_of_the_constraints():
    pinned = re.search(r"^torch==(\S+)$", texts()["constraints.txt"], re.MULTILINE)[1]
    assert set(re.findall(r"torch==([\w.]+)", TEXT)) == {pinned}


def test_every_python_that_is_supported_is_named():
    assert pyproject()["project"]["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11, 3.12 or 3.13" in TEXT
