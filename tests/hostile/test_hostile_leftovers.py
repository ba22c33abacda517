"""What one run does is gone in the next: folders, memory, settings of the process, names, locks, threads."""

import os
import threading
from textwrap import dedent

import hostile_notebooks as notebooks
import pytest

from utils.grading.protocol import pack
from utils.grading.sandbox import ForkingSandbox, RunEnded

STATE = """
import builtins
import ctypes
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
import threading

import numpy as np


def lock(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return "free"
        except OSError:
            return "locked"


def listen(name):
    with socket.socket(socket.AF_UNIX) as mine:
        try:
            mine.bind(name)
            return "free"
        except OSError:
            return "taken"


def probe():
    limits = {name: list(resource.getrlimit(getattr(resource, name))) for name in dir(resource) if "RLIMIT_" in name}
    return {
        "folders": [os.listdir(folder) for folder in ("/tmp", "/dev/shm")],
        "room": [os.statvfs(folder).f_bfree for folder in ("/tmp", "/dev/shm")],
        "environment": dict(os.environ),
        "here": os.getcwd(),
        "umask": os.umask(0o22),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "scheduler": os.sched_getscheduler(0),
        "cores": sorted(os.sched_getaffinity(0)),
        "limits": limits,
        "signals": [str(signal.getsignal(number)) for number in signal.Signals if number != signal.SIGINT],
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "timer": list(signal.getitimer(signal.ITIMER_REAL)),
        "threads": threading.active_count(),
        "path": list(sys.path),
        "modules": len(sys.modules),
        "recursion": sys.getrecursionlimit(),
        "switching": sys.getswitchinterval(),
        "tracing": str(sys.gettrace()),
        "names": [hasattr(builtins, "left"), hasattr(torch, "left"), hasattr(sys, "left")],
        "torch": [str(torch.get_default_dtype()), torch.is_grad_enabled(), torch.get_num_threads()],
        "drawn": [torch.rand(1).item(), np.random.rand()],
        "machine": os.uname().nodename,
        "process": ctypes.string_at(ctypes.create_string_buffer(16)) if prctl(16, NAME) else NAME.value,
        "keys": [lock(os.__file__), lock("/dev/null"), listen("\\0left")],
    }


NAME = ctypes.create_string_buffer(16)
prctl = ctypes.CDLL(None).prctl
"""

SPOIL = (
    STATE.replace("def probe():", "def state():")
    + """
import time

kept = []


def probe():
    for folder in ("/tmp", "/dev/shm"):
        with open(f"{folder}/left", "wb") as file:
            file.write(bytes(30_000_000))
    os.environ["LEFT"] = "left"
    os.mkdir("/tmp/inner")
    os.chdir("/tmp/inner")
    os.umask(0)
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    resource.setrlimit(resource.RLIMIT_NPROC, (30, 30))
    resource.setrlimit(resource.RLIMIT_AS, (10**9,) * 2)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR2])
    signal.setitimer(signal.ITIMER_REAL, 1000)
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    sys.path.insert(0, "/tmp")
    sys.modules["left"] = sys
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(1.0)
    threading.settrace(lambda *arguments: None)
    builtins.left = torch.left = sys.left = True
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.manual_seed(7)
    np.random.seed(7)
    prctl(15, b"left", 0, 0, 0)
    for path in (os.__file__, "/dev/null"):
        kept.append(open(path))
        fcntl.flock(kept[-1], fcntl.LOCK_EX)
    kept.append(socket.socket(socket.AF_UNIX))
    kept[-1].bind("\\0left")
    gc.collect()
    return "spoiled"
"""
)


def reach(grade, source: str):
    notebooks.reached.clear()
    grade(notebooks.Book("9.8", {"9.8.1": source}))
    return notebooks.reached[-1]


def test_a_run_finds_nothing_of_the_one_before_it(grade):
    reach(grade, STATE)  # the process that is forked grows a little in its first run, and the limit on memory with it
    before = reach(grade, STATE)
    assert reach(grade, SPOIL) == "spoiled"
    after = reach(grade, STATE)
    assert {name: value for name, value in after.items() if value != before[name]} == {}
    assert before["keys"] == ["free", "free", "free"]


def test_what_a_run_spoils_can_be_seen_within_it(grade):
    """Else the test above would prove nothing."""
    before = reach(grade, STATE)
    spoiled = reach(grade, SPOIL.replace('return "spoiled"', "return state()"))
    same = {name for name in before if before[name] == spoiled[name]}
    assert same <= {"machine", "threads", "tracing"} | ({"cores"} if len(before["cores"]) == 1 else set())


def test_the_same_attack_twice_is_given_the_same_grade(grade):
    book = notebooks.honest(
        "9.7", {"9.7.1": "import os\nos._exit(7)", "9.7.2": "def row_sums(table):\n    return 1 / 0"}
    )
    first, second = (grade(book).as_dict() for _ in range(2))
    assert first | {"seconds": 0} == second | {"seconds": 0}


def test_an_attack_in_one_slot_leaves_the_grader_in_another_alone(grader):
    bomb = """
    import threading

    def bomb():
        while True:
            try:
                threading.Thread(target=bomb).start()
            except RuntimeError:
                pass

    def probe():
        kept = [bytearray(10**7) for _ in range(100)]
        bomb()
    """
    call = {"runs_as": "function", "entry": "probe", "time_limit": 60.0}
    case = {"args": (), "kwargs": {}, "init": {}, "weights": None, "state": None}
    part = {"exercise": "9.8.1", "source": dedent(bomb), "call": call | {"cases": [case]}}
    sandbox = ForkingSandbox(78, preload=())

    def attack() -> None:
        with pytest.raises(RunEnded), sandbox.run(pack({"setup": "", "parts": [part]}), 30) as run:
            run.receive(4.0)

    try:
        thread = threading.Thread(target=attack)
        thread.start()
        while thread.is_alive():
            grade = grader.grade(notebooks.honest("9.7").to_bytes(), "grace.ipynb", os.urandom(8).hex())
            assert (grade.earned, grade.points) == (6, 6)
        thread.join()
    finally:
        sandbox.close()
