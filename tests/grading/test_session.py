"""Grading a class: each submission once, nothing lost at any moment, and nothing looked at that was not asked for."""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import fake_class
import fake_grader
import pytest
from fake_class import submission

from utils.grading.executors import Executor, ExecutorError
from utils.grading.gradebook import Gradebook, GradebookError
from utils.grading.records import Submission, SubmissionError, Unusable
from utils.grading.session import LATE_NOTE, Only, grade_class, results_so_far

HERE = Path(__file__).parent


class Here(Executor):
    """Grades in this process, as soon as nothing more may be submitted, and remembers what it was given."""

    def __init__(self, capacity=3):
        self._capacity = capacity
        self.jobs, self.most = [], 0
        self._grader = fake_grader.Grader()
        self._open = 0

    @property
    def capacity(self):
        return self._capacity

    def submit(self, job):
        self.jobs.append(job)
        self._open += 1
        self.most = max(self.most, self._open)
        return _Lazy(self, job)

    def close(self):
        """Nothing runs."""

    def grade(self, job):
        self._open -= 1
        return self._grader.grade(job.content, job.source, job.nonce)


class _Lazy(Future):
    """Waits for nothing: it has its grade when it is asked for it."""

    def __init__(self, executor, job):
        super().__init__()
        self.set_result(None)
        self._work = lambda: executor.grade(job)

    def result(self, timeout=None):
        return self._work()


@pytest.fixture(autouse=True)
def no_course(monkeypatch):
    """The fake grader has none."""
    monkeypatch.setattr("utils.grading.gradebook.fingerprint", lambda: "no course")


@pytest.fixture
def gradebook(tmp_path):
    with Gradebook.open(tmp_path / "gradebook.sqlite", nonce=fake_class.NONCE) as found:
        yield found


def graded(gradebook) -> dict[str, float]:
    return {entry.source: entry.grade.earned for entry in gradebook.entries("all") if not entry.grade.problem}


def problems(gradebook) -> dict[str, str]:
    return {problem.source: problem.problem for problem in gradebook.problems()}


def cannot_be_read():
    raise SubmissionError("grace.ipynb cannot be read: permission denied")


MIXED = [
    submission("points 2", "ada"),
    Unusable(source="week1.zip", problem="week1.zip is damaged"),
    submission("unusable", "alan"),
    Submission(learner="grace", source="grace.ipynb", read=cannot_be_read),
    submission("points 0", "linus"),
]


def test_every_submission_is_recorded_and_so_is_what_cannot_be_used(gradebook):
    progress = []
    summary = grade_class(MIXED, gradebook, Here(), on_progress=lambda *numbers: progress.append(numbers))
    assert summary.graded == {"ada.ipynb", "alan.ipynb", "linus.ipynb"}
    assert summary.unusable == {"week1.zip", "grace.ipynb"}
    assert summary.sources == {item.source for item in MIXED}
    assert graded(gradebook) == {"ada.ipynb": 2.0, "linus.ipynb": 0.0}
    assert problems(gradebook) == {
        "week1.zip": "week1.zip is damaged",
        "alan.ipynb": "alan.ipynb is not a notebook: hand it in again",
        "grace.ipynb": "grace.ipynb cannot be read: permission denied",
    }
    assert progress == [(done, 5) for done in range(6)]


def test_what_is_graded_is_not_graded_again_until_it_changes(gradebook):
    grade_class(MIXED, gradebook, Here())
    second = Here()
    summary = grade_class(MIXED, gradebook, second)
    assert (len(summary.graded), len(summary.kept), len(summary.unusable)) == (0, 3, 2)
    assert second.jobs == []
    changed = [submission("points 1", "ada"), *MIXED[1:]]
    summary = grade_class(changed, gradebook, second)
    assert (summary.graded, summary.kept) == ({"ada.ipynb"}, {"alan.ipynb", "linus.ipynb"})
    assert graded(gradebook)["ada.ipynb"] == 1.0


def test_what_could_not_be_used_and_now_can_is_graded(gradebook):
    grade_class(MIXED, gradebook, Here())
    grade_class([submission("points 2", "grace")], gradebook, Here())
    assert graded(gradebook)["grace.ipynb"] == 2.0
    assert "grace.ipynb" not in problems(gradebook)


def test_regrading_grades_all_that_was_asked_for_and_no_other(gradebook):
    grade_class(MIXED, gradebook, Here())
    again = Here()
    summary = grade_class(MIXED, gradebook, again, only=Only(people=("a*",)), regrade=True)
    assert [job.source for job in again.jobs] == ["ada.ipynb", "alan.ipynb"]
    assert summary.graded == summary.sources
    assert len(graded(gradebook)) == 2


def test_interrupted_regrading_is_gone_on_with_by_the_plain_command(gradebook):
    class Stops(Here):
        def submit(self, job):
            if len(self.jobs) == 1:
                raise KeyboardInterrupt
            return super().submit(job)

    grade_class(MIXED, gradebook, Here())
    with pytest.raises(KeyboardInterrupt):
        grade_class(MIXED, gradebook, Stops(capacity=1), regrade=True)
    assert len(graded(gradebook)) == 2
    rest = Here()
    grade_class(MIXED, gradebook, rest)
    assert [job.source for job in rest.jobs] == ["alan.ipynb", "linus.ipynb"]


def test_another_nonce_makes_all_grades_anew_with_it(gradebook, tmp_path):
    grade_class(MIXED, gradebook, Here())
    gradebook.close()
    with Gradebook.open(gradebook.path, nonce="f" * 32) as other:
        executor = Here()
        grade_class(MIXED, other, executor)
    assert [job.nonce for job in executor.jobs] == ["f" * 32] * 3


def test_no_more_notebooks_are_in_memory_than_the_executor_has_use_for(gradebook):
    read = []

    def item(number):
        return Submission(learner=f"l{number}", source=str(number), read=lambda: read.append(number) or b"points 1")

    executor = Here(capacity=4)
    grade_class([item(number) for number in range(20)], gradebook, executor)
    assert read == list(range(20))
    assert executor.most == 4


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ada"], {"ada"}),
        (["ADA"], {"ada"}),
        (["a*"], {"ada", "alan"}),
        (["Ada Lovelace"], {"ada"}),
        (["week1/alan.ipynb"], {"alan"}),
        (["[x]"], {"[x]"}),
        (["nobody"], set()),
        (["ada", "[x]"], {"ada", "[x]"}),
    ],
)
def test_people_are_asked_for_by_learner_name_or_file(names, expected):
    items = [
        submission("points 1", "ada", name="Ada Lovelace"),
        submission("points 1", "alan", source="week1/alan.ipynb"),
        submission("points 1", "[x]"),
        submission("points 1", "x"),
    ]
    only = Only.of(names)
    assert {item.learner for item in items if only.takes(item)} == expected


def test_a_lesson_is_asked_for_by_its_number():
    def notebook(lesson):
        return submission(f'{{"metadata": {{"course": {{"lesson": "{lesson}"}}}}, "cells": []}}', lesson)

    only = Only.of(["2.3", "ada"])
    assert only == Only(people=("ada",), lessons=("2.3",))
    only = Only.of(["2.3"])
    assert [only.takes(notebook(lesson)) for lesson in ("2.3", "1.1", "9.9")] == [True, False, False]
    assert not only.takes(submission("not a notebook"))
    assert not only.takes(Unusable(source="2.3.zip", problem="damaged"))


def test_what_was_recorded_stays_when_grading_cannot_go_on(gradebook):
    class Ends(Here):
        def grade(self, job):
            if job.source == "linus.ipynb":
                raise ExecutorError("the scheduler does not answer any more")
            return super().grade(job)

    with pytest.raises(ExecutorError, match="does not answer"):
        grade_class(MIXED, gradebook, Ends(capacity=1))
    assert graded(gradebook) == {"ada.ipynb": 2.0}
    assert len(problems(gradebook)) == 3


def test_a_gradebook_that_cannot_be_written_ends_it(gradebook, monkeypatch):
    def full(*_):
        raise GradebookError("the disk is full, so gradebook.sqlite could not be written")

    monkeypatch.setattr(gradebook, "record", full)
    with pytest.raises(GradebookError, match="the disk is full"):
        grade_class(MIXED, gradebook, Here())


# --- what counts


def handed_in(gradebook, *items):
    grade_class(items, gradebook, Here())


def counted(gradebook, **options) -> dict[str, float]:
    return {entry.source: entry.grade.earned for entry in results_so_far(gradebook, **options).entries}


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


@pytest.fixture
def ada(gradebook):
    """Two in time, the better one first, and a late one that is the best and the last."""
    handed_in(
        gradebook,
        submission("points 1.5", "ada", source="first", submitted=day(1)),
        submission("points 1", "ada", source="second", submitted=day(2)),
        submission("points 2", "ada", source="late", submitted=day(3), late=True),
        submission("points 2", "alan", source="only late", submitted=day(3), late=True),
        submission("unusable", "ada", source="damaged", submitted=day(1)),
    )


@pytest.mark.parametrize(
    ("keep", "late", "expected"),
    [
        ("latest", "accept", {"late": 2.0, "only late": 2.0}),
        ("best", "accept", {"late": 2.0, "only late": 2.0}),
        ("latest", "zero", {"second": 1.0, "only late": 0.0}),
        ("best", "zero", {"first": 1.5, "only late": 0.0}),
    ],
)
def test_late_work_that_earns_nothing_does_not_hide_what_was_in_time(gradebook, ada, keep, late, expected):
    assert counted(gradebook, keep=keep, late=late) == expected


def test_a_learner_is_told_why_late_work_earns_nothing_and_what_it_would_have_been(gradebook, ada):
    (entry,) = [entry for entry in results_so_far(gradebook, late="zero").entries if entry.source == "only late"]
    assert entry.grade.notes == (LATE_NOTE,)
    assert entry.grade.points == 2.0
    assert [exercise.status for exercise in entry.grade.exercises] == ["passed"]
    assert gradebook.entries("all")[-1].grade.earned == 2.0, "the gradebook keeps what was reached"


def test_the_problem_of_a_file_that_was_taken_away_is_none(gradebook):
    handed_in(gradebook, *MIXED)
    shown = results_so_far(gradebook, gone=lambda source: source == "week1.zip").problems
    assert {problem.source for problem in shown} == {"alan.ipynb", "grace.ipynb"}


# --- killed


def content_digest(folder: Path) -> str:
    with Gradebook.open(folder / "gradebook.sqlite") as gradebook:
        return gradebook.content_digest()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills by signal")
def test_a_grader_killed_at_twenty_random_moments_ends_with_the_gradebook_of_an_undisturbed_run(
    tmp_path, monkeypatch, measured
):
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    summary = fake_class.run(tmp_path / "undisturbed")
    assert len(summary.sources) == fake_class.SIZE
    expected = content_digest(tmp_path / "undisturbed")
    classes, recorded = 0, []
    while len(recorded) < 20:  # a class may be finished before it was killed as often
        folder = tmp_path / f"class{classes}"
        classes += 1
        while len(recorded) < 20 and _killed(folder):
            recorded.append(_recorded(folder))
        fake_class.run(folder)
        assert content_digest(folder) == expected
    measured(f"grader killed 20 times in {classes} classes of {fake_class.SIZE}; recorded at each kill: {recorded}")
    assert len(set(recorded)) > 8, "the kills came at different moments"


def _killed(folder: Path) -> bool:
    """Kill a grader of the class in `folder` at a random moment; return False if it was done before that."""
    command = [sys.executable, str(HERE / "fake_class.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as grader:
        grader.stdout.read(random.randrange(17))  # so many grades have come back
        time.sleep(random.uniform(0, 0.02))
        grader.kill()
        return grader.wait() != 0


def _recorded(folder: Path) -> int:
    path = folder / "gradebook.sqlite"
    if not path.exists():
        return 0
    with Gradebook.open(path) as gradebook:
        return len(gradebook.entries("all"))
