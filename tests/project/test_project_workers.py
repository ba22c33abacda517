"""`pytest -n 2`: what stays together, what is begun first, and that a worker and what it starts keep to one thread."""

import os
import shutil
import subprocess
import sys
from collections import defaultdict

import pytest
from workers import FIRST, SPREAD

from utils.lessons import ROOT

SHORT = "tests/toys/test_many_short_ones.py"
TOYS = """
import subprocess, sys
import pytest
import torch

LESSONS = pytest.mark.parametrize("lesson", ["0.1", "1.1", "2.1", "2.2"])

def note(worker, text):
    with open("log", "a") as log:
        log.write(f"{__file__} {worker} {text}\\n")

@LESSONS
def test_one(lesson, worker):
    note(worker, lesson)

@LESSONS
def test_two(lesson, worker):
    note(worker, lesson)
"""
THREADS = """
def test_threads(worker):
    ask = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    inherited = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    note(worker, f"threads {torch.get_num_threads()} {inherited.strip()}")
"""


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """What the toys' tests wrote down, in the order of time: by file, the worker and a lesson or the threads."""
    folder = tmp_path_factory.mktemp("toys")
    for name in (SHORT, *SPREAD):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text(TOYS + THREADS * (name == SHORT), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name in ("conftest.py", "workers.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "OMP_NUM_THREADS": "2"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", "2"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = defaultdict(list)
    for line in (folder / "log").read_text(encoding="utf-8").splitlines():
        path, worker, *rest = line.split()
        found[os.path.relpath(path, folder).replace(os.sep, "/")].append((worker, *rest))
    return found


def test_the_files_that_are_named_exist():
    assert [name for name in (*FIRST, *SPREAD) if not (ROOT / name).is_file()] == []
    assert len(FIRST) == len(set(FIRST))


def test_each_is_run_once(noted):
    assert {name: len(found) for name, found in noted.items()} == {SHORT: 9, **dict.fromkeys(SPREAD, 8)}


def test_a_file_stays_on_one_worker(noted):
    assert len({worker for worker, *_ in noted[SHORT]}) == 1


@pytest.mark.parametrize("name", sorted(SPREAD))
def test_a_lesson_stays_on_one_worker_and_its_neighbour_may_go_to_another(noted, name):
    workers = defaultdict(set)
    for worker, lesson in noted[name]:
        workers[lesson].add(worker)
    assert [len(found) for found in workers.values()] == [1, 1, 1, 1]
    assert set.union(*workers.values()) == {"0", "1"}


def test_what_is_long_is_begun_first(noted):
    assert list(noted)[: len(SPREAD)] == [name for name in FIRST if name in SPREAD]
    assert list(noted)[-1] == SHORT


def test_a_worker_and_what_it_starts_have_one_thread(noted):
    assert [rest for _, *rest in noted[SHORT] if rest[0] == "threads"] == [["threads", "1", "1"]]
