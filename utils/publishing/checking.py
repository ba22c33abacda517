"""`course check`: the learner's answers, put into the pristine notebook and run by nbval, exercise by exercise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from utils.lessons import LESSONS, SOLUTIONS, Lesson
from utils.publishing.submission import (
    Answer,
    Pristine,
    Task,
    find_lesson_of,
    merge,
    read_notebook,
    read_pristine,
    syntax_error,
    take_answers,
)
from utils.publishing.verdicts import find_verdict

PLUGINS = ("no:cacheprovider", "nbval.plugin", "utils.publishing.pytest_plugin")


class CheckError(Exception):
    """nbval itself did not run; the message holds the end of what it said."""


@dataclass(frozen=True)
class Result:
    """How one exercise went: one of `verdicts.STATUSES`, a sentence or "", and points earned and possible."""

    exercise: str
    title: str
    status: str
    message: str
    points: float
    out_of: float

    @property
    def passed(self) -> bool:
        """Whether the exercise is solved."""
        return self.status == "passed"


@dataclass(frozen=True)
class NotebookResult:
    """How one notebook went: its exercises in order, and `notes` on what else was seen."""

    path: Path
    lesson: Lesson
    exercises: tuple[Result, ...]
    notes: tuple[str, ...]

    @property
    def points(self) -> float:
        """The points earned."""
        return sum(result.points for result in self.exercises)

    @property
    def out_of(self) -> float:
        """The points that can be earned."""
        return sum(result.out_of for result in self.exercises)

    @property
    def passed(self) -> bool:
        """Whether every exercise is solved."""
        return all(result.passed for result in self.exercises)

    def as_dict(self) -> dict:
        """Return the whole as plain data, for JSON."""
        return {
            "notebook": str(self.path),
            "lesson": self.lesson.id,
            "title": self.lesson.title,
            "passed": self.passed,
            "points": self.points,
            "out_of": self.out_of,
            "exercises": [asdict(result) for result in self.exercises],
            "notes": list(self.notes),
        }


def check_notebook(
    path: Path,
    *,
    lessons: Iterable[Lesson] = LESSONS,
    solutions: Path = SOLUTIONS,
    cell_timeout: float | None = None,
    answer_timeout: float | None = None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> NotebookResult:
    """Check the learner's notebook at `path` and say how each exercise went; the file is only read.

    `on_result` is told of each exercise once it is settled. An answer that never ends, or that takes the kernel with
    it, costs itself alone: the notebook is run again without it. Nothing is run if no exercise was begun. Times are in
    seconds, the pytest plugin's by default. Raises `NotebookError` for a file that cannot be checked, and `CheckError`
    where nbval does not run.
    """
    notebook = read_notebook(path)
    lesson = find_lesson_of(notebook, lessons)
    pristine = read_pristine(solutions / f"{lesson.path}.ipynb")
    answers = take_answers(notebook, pristine)
    session = _Session(pristine, answers, on_result)
    timeouts = {"--nbval-cell-timeout": cell_timeout, "--course-answer-timeout": answer_timeout}
    while session.open:
        for record in _run(session.notebook(), pristine.path, path.resolve().parent, timeouts):
            session.take(record)
        session.end_of_run()
    return NotebookResult(path, lesson, session.results(), tuple(session.notes))


class _Session:
    """What is settled of one notebook, and what has still to be run."""

    def __init__(self, pristine: Pristine, answers: dict[str, Answer], on_result: Callable[[Result], None]):
        self.pristine, self.on_result = pristine, on_result
        self.tasks: dict[str, Task] = {task.exercise: task for task in pristine.tasks}
        self.settled: dict[str, Result] = {}
        self.untold = list(self.tasks)  # `on_result` hears of the exercises in their order
        self.sources: dict[str, str] = {}  # the answers that can be run
        self.failed: dict[str, tuple[str, str]] = {}  # answer cells of this run that failed: status and message
        self.killer: str | None = None  # the exercise in whose cell the kernel of this run died, "" for other cells
        self.notes = [note for answer in answers.values() for note in answer.notes]
        for exercise, answer in answers.items():
            if answer.source is None:
                self.settle(exercise, "to do", answer.problem)
            elif error := syntax_error(answer.source):
                self.settle(exercise, "crashed", error)
            else:
                self.sources[exercise] = answer.source

    @property
    def open(self) -> list[str]:
        """The exercises that are not settled, in order."""
        return [exercise for exercise in self.tasks if exercise not in self.settled]

    def notebook(self) -> dict:
        """The notebook to run now; it ends with the last check that is needed, unless all exercises are answered."""
        whole = len(self.sources) == len(self.tasks)
        return merge(self.pristine, self.sources, until=None if whole else self.open[-1])

    def settle(self, exercise: str, status: str, message: str = "", earned: float = 0) -> None:
        task = self.tasks[exercise]
        self.settled[exercise] = Result(exercise, task.title, status, message, earned, task.points)
        while self.untold and self.untold[0] in self.settled:
            self.on_result(self.settled[self.untold.pop(0)])

    def results(self) -> tuple[Result, ...]:
        return tuple(self.settled[exercise] for exercise in self.tasks)

    def take(self, record: dict) -> None:
        """Take in how one cell went."""
        if record["when"] == "setup":
            raise CheckError(f"the notebook's kernel did not start: {record['reason']}")
        exercise = record["exercise"]
        if self.killer is not None:
            return  # the cells after the kernel's death say nothing
        if record["died"]:
            self.killer = exercise
            if exercise in self.open:
                self.settle(exercise, *_death(record))
        elif record["kind"] == "answer" and not record["passed"]:
            self.failed[exercise] = _failure(record)
        elif record["kind"] == "check" and exercise in self.open:
            self.settle(exercise, *(self.failed.get(exercise) or _judged(record, self.tasks[exercise].points)))
        elif record["kind"] == "other" and record["error"]:
            error = record["error"]
            self.notes.append(
                f"a cell of the lesson itself (id {record['id']}) failed: {error['name']}: {error['message']}"
            )

    def end_of_run(self) -> None:
        """Make ready for another run without the answer that killed the kernel, or give up on what is left."""
        guilty, self.killer, self.failed = self.killer, None, {}
        if guilty and self.sources.pop(guilty, None) is not None:
            return
        where = (
            "in a cell of the lesson itself, before this check" if guilty is not None else "before this check was run"
        )
        for exercise in self.open:
            self.settle(exercise, "crashed", f"the kernel ended {where}")


def _judged(record: dict, points: float) -> tuple[str, str, float]:
    """Return status, message and earned points of a check cell that was run."""
    if record["passed"]:
        return "passed", "", points
    verdict = find_verdict(record["text"], record["exercise"])
    if verdict is None or verdict.status == "passed":  # a verdict that nbval does not believe is none
        return *_failure(record), 0
    return verdict.status, verdict.message, min(record["earned"], points)


def _failure(record: dict) -> tuple[str, str]:
    """Return status and message of a cell that did not run to its end."""
    error = record["error"]
    if record["timed_out"]:
        cell = "its answer cell" if record["kind"] == "answer" else "its check"
        return "too slow", f"{cell} was stopped after {record['time_limit']:g} s: is there a loop that never ends?"
    if error is None:
        return "crashed", record["reason"].strip().splitlines()[0] if record["reason"].strip() else "no output"
    line = f"line {error['line']}: " if error["line"] else ""
    message = f"{line}{error['name']}: {error['message']}"
    if error["name"] == "NameError":
        message += " (only answer cells are checked: whatever an answer needs has to stand in its own cell)"
    return "crashed", message


def _death(record: dict) -> tuple[str, str]:
    if record["timed_out"]:
        return "too slow", f"more than {record['time_limit']:g} s, and it could not be interrupted"
    return "crashed", "it ended the whole Python process"


def _run(notebook: dict, pristine: Path, folder: Path, timeouts: dict[str, float | None]) -> Iterator[dict]:
    """Run nbval over `notebook`, its kernel in `folder`; yield the plugin's record of each cell as it comes.

    nbval runs in a process of its own, with no plugin but the course's and no configuration but its own.
    """
    unwanted = ("COURSE_STRICT", "NBGRADER_EXECUTION", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory(prefix="course-check-") as temporary:
        file, report, configuration = (Path(temporary) / name for name in ("merged.ipynb", "report", "pytest.ini"))
        file.write_text(json.dumps(notebook), encoding="utf-8")
        configuration.write_text("[pytest]\n", encoding="utf-8")
        report.touch()
        command = [sys.executable, "-m", "pytest", "-c", str(configuration), "--color=no", "--tb=line", "-q"]
        command += [argument for plugin in PLUGINS for argument in ("-p", plugin)]
        command += ["--nbval", "--nbval-current-env", f"--course-pristine={pristine.resolve()}"]
        command += [f"--course-report={report}", f"--course-folder={folder}"]
        command += [f"{name}={seconds}" for name, seconds in timeouts.items() if seconds is not None]
        with (Path(temporary) / "log").open("w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen(
                [*command, str(file)], cwd=temporary, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                yield from _follow(process, report)
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait()
            if process.returncode not in (0, 1):
                log.seek(0)
                raise CheckError(f"nbval did not run (pytest's exit code {process.returncode}):\n{log.read()[-3000:]}")


def _follow(process: subprocess.Popen, report: Path) -> Iterator[dict]:
    """Yield the records in `report` while `process` writes them."""
    with report.open("rb") as lines:
        line = b""
        while True:
            ended = process.poll() is not None
            for part in lines:
                line += part
                if line.endswith(b"\n"):
                    yield json.loads(line)
                    line = b""
            if ended:
                return
            time.sleep(0.05)
