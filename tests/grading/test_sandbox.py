"""Whatever a run does, it ends, says why, and leaves nothing behind; what dies is started anew."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import locked_down
import pytest
from asking import SECONDS, ask, end_of, part, request, value_of

from utils.grading import isolation, sandbox
from utils.grading.isolation import IsolationError, make_plan
from utils.grading.protocol import HEADER, pack
from utils.grading.sandbox import (
    ENVIRONMENT,
    START_SECONDS,
    ForkingSandbox,
    FreshSandbox,
    RunEnded,
    examine,
    open_sandbox,
)

HERE = examine()
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, on Linux alone")
isolating = pytest.mark.skipif(HERE.level == "none", reason=f"this machine does not isolate: {HERE.found}")

GOOD = part("def f():\n    return 1")
ENDLESS = part("while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass")


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started, and those that they have."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found += [int(path.name), *children_of(int(path.name))]
    return found


def cgroups() -> list[Path]:
    """The folders of this process' cgroups."""
    parents = [parent for parent, _ in isolation._cgroup_parents(1, 1)]
    return [folder for parent in parents for folder in parent.glob(f"course-grade-{os.getpid()}-*")]


def wait_until(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it has not come about in 20 seconds"
        time.sleep(0.02)


KINDS = {
    "isolated": pytest.param(lambda: ForkingSandbox(9100, preload=()), marks=[linux, isolating]),
    "trusted": pytest.param(lambda: ForkingSandbox(9101, preload=(), trusted=True), marks=linux),
    "fresh": lambda: FreshSandbox(()),
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def any_sandbox(request):
    opened = request.param()
    yield opened
    opened.close()


@pytest.fixture
def forking():
    """An isolated sandbox of one test's own."""
    if HERE.level == "none":
        pytest.skip(HERE.found)
    opened = ForkingSandbox(9102, preload=())
    yield opened
    opened.close()


# what every sandbox does --------------------------------------------------------------------------------------------


def test_a_run_gives_a_message_for_each_part_and_then_ends(any_sandbox):
    first, second = part("def f(x):\n    return x", 1, 2, name="9.9.1"), part("def f():\n    return 3", name="9.9.2")
    with any_sandbox.run(request(first, second), cpu_seconds=60) as run:
        assert run.receive(SECONDS)["exercise"] == "9.9.1"
        assert [outcome["value"] for outcome in run.receive(SECONDS)["outcomes"]] == [3]
        with pytest.raises(RunEnded, match="ended"):
            run.receive(SECONDS)


def test_a_run_that_says_nothing_is_too_slow_and_the_next_one_works(any_sandbox):
    # without isolation a process is started for each run, which counts for the first message
    seconds = 1.0 - START_SECONDS if isinstance(any_sandbox, FreshSandbox) else 0.5
    assert end_of(any_sandbox, ENDLESS, seconds=seconds) == "too slow"
    assert ask(any_sandbox, GOOD)[0][0]["value"] == 1


@pytest.mark.parametrize(
    "source", ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)"], ids=["leaves at once", "crashes"]
)
def test_a_run_that_dies_has_ended_and_the_next_one_works(source, any_sandbox):
    assert end_of(any_sandbox, part(source)) == "ended"
    assert ask(any_sandbox, GOOD)[0][0]["value"] == 1


def test_leaving_a_run_early_is_no_trouble_for_the_next(any_sandbox):
    for _ in range(3):
        with any_sandbox.run(request(GOOD, GOOD), cpu_seconds=60):
            pass
        with any_sandbox.run(request(GOOD, GOOD), cpu_seconds=60) as run:
            run.receive(SECONDS)
    assert ask(any_sandbox, GOOD)[0][0]["value"] == 1


def test_an_error_on_our_side_ends_the_run(any_sandbox):
    with pytest.raises(ZeroDivisionError), any_sandbox.run(request(ENDLESS), cpu_seconds=60):
        raise ZeroDivisionError
    assert ask(any_sandbox, GOOD)[0][0]["value"] == 1


def test_a_large_request_and_a_large_value_travel(any_sandbox):
    text = "x" * 900_000
    ((outcome, _),) = ask(any_sandbox, part("def f(x):\n    return [x, x]", text, text))
    assert outcome["value"] == [text, text]


def test_runs_know_nothing_of_one_another(any_sandbox):
    leaves = "import builtins, os\nbuiltins.left = 1\nos.environ['LEFT'] = '1'\n\ndef f():\n    return 1"
    looks = "import builtins, os\n\ndef f():\n    return hasattr(builtins, 'left') or 'LEFT' in os.environ"
    assert value_of(any_sandbox, leaves) == 1
    assert value_of(any_sandbox, looks) is False


# forking sandboxes --------------------------------------------------------------------------------------------------


@isolating
def test_a_run_sees_the_environment_it_is_given_and_nothing_else(forking, monkeypatch):
    monkeypatch.setenv("SECRET", "token")
    seen = value_of(forking, "import os\n\ndef f():\n    return dict(os.environ)")
    assert seen.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # the interpreter's own doing
    assert seen == ENVIRONMENT


@isolating
def test_a_run_is_the_only_process_it_can_see_and_has_no_descriptor_but_its_own(forking):
    source = (
        "import os\n\ndef f():\n    open_ones = []\n    for number in range(256):\n        try:\n"
        "            os.fstat(number)\n            open_ones.append(number)\n        except OSError:\n"
        "            pass\n    return [os.getpid(), os.getppid(), open_ones]"
    )
    assert value_of(forking, source) == [1, 0, [0, 1, 2, 3]]


@isolating
def test_what_a_run_writes_to_tmp_is_gone_with_it_and_was_never_on_this_machine(forking):
    name = f"/tmp/left-by-a-run-{os.getpid()}"
    writes = f"open({name!r}, 'w').write('x')\n\ndef f():\n    return 1"
    # folders may lead to a virtual environment in /tmp, which stays in sight
    looks = (
        "import os\n\ndef f():\n"
        "    return [found.name for folder in ('/tmp', '/dev/shm') for found in os.scandir(folder) if found.is_file()]"
    )
    assert value_of(forking, writes) == 1
    assert not os.path.exists(name)
    assert value_of(forking, looks) == []


@isolating
def test_a_run_cannot_end_the_process_it_is_by_a_signal(forking):
    source = "import os, signal\n\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\n    os.kill(-1, 9)\n    return 1"
    problem = ask(forking, part(source))[0][0]["problem"]
    assert (problem["type"], problem["line_number"]) == ("ProcessLookupError", 5)  # there is nobody else to kill


@isolating
def test_a_run_that_uses_up_its_processor_time_is_ended_by_the_kernel(forking):
    start = time.monotonic()
    assert end_of(forking, ENDLESS, seconds=30, cpu_seconds=1) == "ended"
    assert time.monotonic() - start < 20


@isolating
def test_a_run_cannot_take_more_memory_than_it_is_given(forking):
    source = f"def f():\n    return len(bytearray({isolation.MEMORY_LIMIT + 100_000_000}))"
    ((outcome,),) = ask(forking, part(source))
    assert outcome["problem"]["type"] == "MemoryError"


@isolating
@pytest.mark.parametrize("whose", ["the first process within the walls", "the process that was started"])
def test_when_the_process_is_killed_from_outside_the_next_runs_work(whose, forking):
    assert ask(forking, GOOD)[0][0]["value"] == 1
    started = forking._process.pid
    within = children_of(started)
    others = set(children_of(os.getpid())) - {started, *within}
    victim = started if whose.endswith("started") else within[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in (children_of(os.getpid())))
    with contextlib.suppress(RunEnded):  # the run that meets it is lost; the grader asks again
        ask(forking, GOOD)
    assert ask(forking, GOOD)[0][0]["value"] == 1
    forking.close()
    wait_until(lambda: not Path(f"/proc/{within[0]}").exists())
    assert set(children_of(os.getpid())) <= others


@isolating
def test_a_sandbox_that_died_between_runs_says_that_the_run_was_lost(forking):
    os.kill(children_of(forking._process.pid)[0], signal.SIGKILL)
    wait_until(lambda: forking._process.poll() is not None)
    with pytest.raises(RunEnded, match="lost"):
        ask(forking, GOOD)
    assert ask(forking, GOOD)[0][0]["value"] == 1


@isolating
def test_when_it_is_killed_in_the_middle_of_a_run_the_run_has_ended_and_the_next_works(forking):
    within = children_of(forking._process.pid)
    killer = threading.Timer(0.5, os.kill, (within[0], signal.SIGKILL))
    killer.start()
    assert end_of(forking, ENDLESS) == "ended"
    killer.join()
    assert ask(forking, GOOD)[0][0]["value"] == 1


@isolating
def test_closing_leaves_no_process_and_no_cgroup():
    before = children_of(os.getpid())
    opened = ForkingSandbox(9103, preload=())
    assert ask(opened, GOOD)[0][0]["value"] == 1
    assert len(children_of(os.getpid())) > len(before)
    assert bool(cgroups()) == opened.cgroup_made
    opened.close()
    assert children_of(os.getpid()) == before
    assert [folder for folder in cgroups() if folder.name.endswith("-9103")] == []


@isolating
def test_when_the_grader_itself_is_killed_nothing_stays_behind():
    script = (
        "import sys, time\nfrom utils.grading.sandbox import ForkingSandbox\n"
        f"opened = ForkingSandbox(9104, preload=())\nwith opened.run({request(ENDLESS)!r}, 60) as run:\n"
        "    try:\n        run.receive(0.5)\n    except Exception:\n        print('ready', flush=True)\n"
        "    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout.readline() == "ready\n"
        left = children_of(grader.pid)
        assert left
        grader.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in left))


@isolating
def test_an_import_that_fails_while_it_starts_is_told_and_nothing_stays_behind():
    before = children_of(os.getpid())
    with pytest.raises(IsolationError, match="No module named 'no_such_module'"):
        ForkingSandbox(9105, preload=["no_such_module"])
    assert children_of(os.getpid()) == before


@linux
def test_a_process_that_dies_while_it_starts_is_told(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(IsolationError, match="the isolated process ended while it started"):
        ForkingSandbox(9106, preload=())


@linux
def test_an_ordinary_user_has_walls_too_but_no_other_uid(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if examine().level == "none":
        pytest.skip(examine().found)
    assert examine().level == "user"
    opened = open_sandbox(9107, (), trust=False)
    try:
        source = "import os\n\ndef f():\n    return [os.getpid(), os.getuid(), os.path.exists('/proc/self')]"
        assert value_of(opened, source) == [1, 0, False]  # the root of a namespace in which it is alone
    finally:
        opened.close()


def test_this_machine_is_described_in_words():
    assert HERE.level in ("root", "user", "none")
    assert bool(HERE.remedy) == (HERE.level == "none")
    assert ("system call filter" in HERE.found) == (HERE.level != "none")
    if hasattr(os, "geteuid"):
        assert (HERE.level == "root") <= (os.geteuid() == 0)


# where it is refused ------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """This machine refuses namespaces, as containers do."""
    if sys.platform != "linux":
        pytest.skip("takes system calls away, on Linux alone")
    monkeypatch.setattr(sys, "executable", str(locked_down.make_interpreter(tmp_path)))


@pytest.mark.parametrize(
    ("user", "step"), [(0, "making a mount namespace"), (1000, "making a user namespace")], ids=["root", "user"]
)
def test_a_machine_that_refuses_namespaces_is_told_with_the_step_and_a_remedy(user, step, refused, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    before = children_of(os.getpid())
    with pytest.raises(IsolationError, match=f"^{step} was refused: Operation not permitted$"):
        open_sandbox(9108, (), trust=False)
    found = examine()
    assert found.level == "none"
    assert found.found == f"{step} was refused: Operation not permitted"
    assert found.remedy == isolation.remedy()
    assert children_of(os.getpid()) == before


def test_where_namespaces_are_refused_trusted_submissions_still_run_with_limits(refused):
    opened = open_sandbox(9109, (), trust=True)
    try:
        assert isinstance(opened, ForkingSandbox)
        source = (
            "import os, resource\n\ndef f():\n    return [os.getpid() > 1, resource.getrlimit(resource.RLIMIT_CORE)]"
        )
        assert value_of(opened, source) == [True, (0, 0)]
    finally:
        opened.close()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_on_another_system_only_trusted_submissions_run_each_in_a_process_of_its_own(system, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(IsolationError, match="needs Linux"):
        open_sandbox(0, (), trust=False)
    opened = open_sandbox(0, (), trust=True)
    assert isinstance(opened, FreshSandbox)
    monkeypatch.undo()
    assert value_of(opened, "import os\n\ndef f():\n    return os.getpid()") != os.getpid()


# a run's messages, made by hand -------------------------------------------------------------------------------------


@pytest.fixture
def wire():
    """A run whose other end is ours to write to."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield sandbox._SocketRun(ours, b""), theirs


def test_a_message_may_come_in_pieces(wire):
    run, theirs = wire
    message = pack({"a": 1})
    sender = threading.Thread(target=lambda: [theirs.sendall(message[n : n + 1]) for n in range(len(message))])
    sender.start()
    assert run.receive(SECONDS) == {"a": 1}
    sender.join()


def test_two_messages_in_one_piece_are_two(wire):
    run, theirs = wire
    theirs.sendall(pack(1) + pack(2))
    assert [run.receive(SECONDS), run.receive(SECONDS)] == [1, 2]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "ended"),
        (b"\0\0", "ended"),
        (pack("whole")[:-1], "ended"),
        (b"x" * 1000, "malformed"),
        (HEADER.pack(2**32 - 1, 0), "malformed"),
        (HEADER.pack(5, 0) + b"hello", "malformed"),
        (HEADER.pack(2, 0) + b"{}", "malformed"),
    ],
)
def test_what_is_no_message_ends_the_run_with_the_reason(sent, reason, wire):
    run, theirs = wire
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(RunEnded) as end:
        run.receive(SECONDS)
    assert end.value.reason == reason


def test_a_promise_of_more_than_is_allowed_is_refused_before_it_is_waited_for(wire):
    run, theirs = wire
    theirs.sendall(HEADER.pack(2**31, 2**31))
    start = time.monotonic()
    with pytest.raises(RunEnded, match="malformed"):
        run.receive(SECONDS)
    assert time.monotonic() - start < 5


def test_the_time_counts_for_the_whole_message_so_that_trickling_it_gains_nothing(wire):
    run, theirs = wire
    message = pack("x" * 1000)
    done = threading.Event()

    def trickle():
        for n in range(len(message)):
            if done.wait(0.05):
                return
            theirs.sendall(message[n : n + 1])

    sender = threading.Thread(target=trickle)
    sender.start()
    start = time.monotonic()
    with pytest.raises(RunEnded, match="too slow"):
        run.receive(0.5)
    assert time.monotonic() - start < 5
    done.set()
    sender.join()


def test_a_run_that_does_not_take_its_request_is_too_slow():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(RunEnded, match="too slow"):
        sandbox._SocketRun(ours, b"x" * 10_000_000).receive(0.3)


def test_a_run_that_is_gone_before_it_has_its_request_has_ended():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(RunEnded, match="ended"):
        sandbox._SocketRun(ours, b"x" * 10_000_000).receive(SECONDS)


# the process that is forked -----------------------------------------------------------------------------------------


@linux
def test_the_process_that_is_forked_ends_with_its_socket():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "utils.grading.zygote", str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
    ours.settimeout(SECONDS)
    ours.send(json.dumps({"plan": make_plan(0, trusted=True).to_json(), "preload": []}).encode())
    assert ours.recv(100) == b"ready"
    ours.send(b"kill")  # of a run that has ended by itself: nothing happens
    ours.close()
    assert process.wait(SECONDS) == 0
