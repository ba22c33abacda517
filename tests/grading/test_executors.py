"""Local processes that grade: none is lost, none is double, none outlives the grader."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import fake_grader
import psutil
import pytest

from utils.grading.executors import ExecutorError, Job, LocalExecutor

NONCE = "ab" * 16
HERE = str(Path(__file__).parent)

only_posix = pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills by signal")


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    """The workers find the fake grader, and are not told by anybody else how many threads to have."""
    monkeypatch.setenv("PYTHONPATH", HERE)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")


@pytest.fixture
def local() -> Iterator[LocalExecutor]:
    """Two slots with the fake grader."""
    with LocalExecutor(2, grader=fake_grader.NAME, seconds=20) as executor:
        yield executor


def job(text: str, source: str = "ada.ipynb") -> Job:
    return Job(content=text.encode(), source=source, nonce=NONCE)


def settled(futures: list[Future]) -> list:
    _done, waiting = wait(futures, timeout=60)
    assert not waiting
    return [future.result() for future in futures]


def test_each_job_gets_its_own_grade(local):
    futures = [local.submit(job(f"points {number % 3}", f"{number}.ipynb")) for number in range(30)]
    assert [grade.earned for grade in settled(futures)] == [number % 3 for number in range(30)]


def test_each_slot_is_one_process_with_one_thread_and_a_number_of_its_own(local):
    grades = settled([local.submit(job("where")) for _ in range(20)])
    assert len({grade.notes for grade in grades}) <= 2
    pids, slots, trusts, threads = zip(*(grade.notes for grade in grades), strict=True)
    assert len(set(pids)) == len(set(slots))
    assert set(trusts) == {"False"}
    assert set(threads) == {"1"}
    assert str(os.getpid()) not in pids


def test_two_graders_at_a_time_do_not_share_a_slot(local):
    with LocalExecutor(1, grader=fake_grader.NAME, trust=True) as other:
        (grade,) = settled([other.submit(job("where"))])
        slots = {grade.notes[1] for grade in settled([local.submit(job("where")) for _ in range(8)])}
    assert grade.notes[2] == "True"
    assert grade.notes[1] not in slots


def test_what_a_worker_prints_is_not_taken_for_a_grade_and_it_reads_no_other_job(local):
    grades = settled([local.submit(job("print")) for _ in range(4)])
    assert [grade.earned for grade in grades] == [1.0] * 4


def test_a_large_notebook_and_any_name_get_through(local):
    name = "Zoë \udcff\n.ipynb"  # a file name that is not UTF-8, and a line break
    (grade,) = settled([local.submit(Job(content=b"unusable " + b"x" * 20_000_000, source=name, nonce=NONCE))])
    assert grade.problem == f"{name} is not a notebook: hand it in again"


@only_posix
def test_a_job_whose_worker_dies_is_given_to_a_fresh_one(local, tmp_path):
    (grade,) = settled([local.submit(job(f"die-once {tmp_path / 'died'}"))])
    assert grade.earned == 1.0
    assert not grade.problem


@only_posix
@pytest.mark.parametrize(
    ("text", "how"), [("die", "was ended by SIGKILL"), ("exit", "exit code 3"), ("raise", "exit code 1")]
)
def test_a_job_that_ends_two_workers_is_told_and_the_others_are_graded(local, text, how, caplog):
    futures = [local.submit(job(what, f"{what}.ipynb")) for what in ("points 2", text, "points 1", "points 2")]
    good, bad, *others = settled(futures)
    assert [grade.earned for grade in (good, *others)] == [2.0, 1.0, 2.0]
    assert f"{text}.ipynb could not be graded" in bad.problem
    assert "twice ended the process that was to grade it" in bad.problem
    assert how in bad.problem
    assert bad.exercises == ()
    if text == "raise":
        assert "the course is wrong" not in bad.problem  # a message of the trusted side may tell a hidden case
        assert "ValueError: the course is wrong" in caplog.text


def test_a_worker_that_hangs_is_ended():
    with LocalExecutor(1, grader=fake_grader.NAME, seconds=0.5) as executor:
        bad, good = settled([executor.submit(job("hang", "slow.ipynb")), executor.submit(job("points 2"))])
    assert "slow.ipynb could not be graded" in bad.problem
    assert "took longer than 0.5 s" in bad.problem
    assert good.earned == 2.0


@only_posix
def test_a_worker_that_is_killed_while_it_waits_costs_nothing(local, tmp_path, monkeypatch):
    starts = tmp_path / "starts"
    monkeypatch.setenv("FAKE_GRADER_STARTS", str(starts))
    settled([local.submit(job("points 1")) for _ in range(8)])
    for pid in starts.read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    grades = settled([local.submit(job("points 2")) for _ in range(8)])
    assert [grade.earned for grade in grades] == [2.0] * 8


@only_posix
def test_workers_that_die_now_and_then_lose_no_job_and_double_none(local, tmp_path):
    texts = [
        f"die-once {tmp_path / str(number)}" if number % 7 == 3 else f"points {number % 3}" for number in range(60)
    ]
    grades = settled([local.submit(job(text, f"{number}.ipynb")) for number, text in enumerate(texts)])
    assert [grade.problem or grade.earned for grade in grades] == [
        1 if number % 7 == 3 else number % 3 for number in range(60)
    ]


def test_a_machine_that_cannot_isolate_is_told_as_it_is(monkeypatch):
    monkeypatch.setenv("FAKE_GRADER_CANNOT_ISOLATE", "1")
    with (
        LocalExecutor(1, grader=fake_grader.NAME) as executor,
        pytest.raises(ExecutorError, match=r"^this machine cannot isolate: get another$"),
    ):
        executor.submit(job("points 1")).result(30)


def test_a_worker_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setenv("FAKE_GRADER_FAILS", "1")
    with (
        LocalExecutor(1, grader=fake_grader.NAME) as executor,
        pytest.raises(ExecutorError, match=r"exit code 1 before it was ready: AssertionError: it cannot be made"),
    ):
        executor.submit(job("points 1")).result(30)


def test_closing_ends_what_is_being_graded_without_a_word(caplog):
    others = psutil.Process().children()  # such as a server of the browser tests
    executor = LocalExecutor(2, grader=fake_grader.NAME)
    futures = [executor.submit(job("hang")) for _ in range(6)]
    deadline = time.monotonic() + 30
    while len(psutil.Process().children()) < len(others) + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [process for process in psutil.Process().children() if process not in others]
    time.sleep(0.5)
    begun = time.monotonic()
    executor.close()
    assert time.monotonic() - begun < 10
    assert all(future.cancelled() or isinstance(future.exception(), ExecutorError) for future in futures)
    assert not any(worker.is_running() for worker in workers)
    assert caplog.text == ""


def test_the_folder_one_works_in_is_not_searched_for_modules(local, tmp_path, monkeypatch):
    for name in ("json", "utils", "torch", "fake_grader"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a submission was imported')")
    monkeypatch.chdir(tmp_path)
    assert settled([local.submit(job("points 2"))])[0].earned == 2.0


GRADE_FOREVER = """
    import sys
    from utils.grading.executors import Job, LocalExecutor

    executor = LocalExecutor(2, grader="fake_grader:Grader")
    futures = [executor.submit(Job(content=b"hang", source="x", nonce="ab")) for _ in range(4)]
    futures[0].result()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel ends orphans on Linux")
def test_no_worker_outlives_a_grader_that_is_killed(tmp_path, monkeypatch):
    starts = tmp_path / "starts"
    monkeypatch.setenv("FAKE_GRADER_STARTS", str(starts))
    grader = subprocess.Popen([sys.executable, "-c", textwrap.dedent(GRADE_FOREVER)])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (not starts.exists() or len(starts.read_text().split()) < 2):
        time.sleep(0.05)
    workers = [psutil.Process(int(pid)) for pid in starts.read_text().split()]
    assert len(workers) == 2
    grader.kill()
    grader.wait()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []
