"""The trusted side of a run: starts the process that is forked, hands it one request at a time, keeps its time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from utils.grading import isolation
from utils.grading.isolation import Cgroup, IsolationError, make_plan
from utils.grading.protocol import HEADER, ProtocolError, body_size, unpack
from utils.lessons import ROOT

START_SECONDS = 120.0
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": "/tmp",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "JOBLIB_MULTIPROCESSING": "0",
}
"""All that the isolated process gets to see of an environment."""


class RunEnded(Exception):
    """A run gives no further message. `reason` says why; "lost" is no fault of the run."""

    def __init__(self, reason: Literal["ended", "too slow", "malformed", "lost"]) -> None:
        super().__init__(reason)
        self.reason = reason


class Run(Protocol):
    """One request under way."""

    def receive(self, seconds: float) -> Any:
        """Return the next message's value. Raises RunEnded where none comes within `seconds`."""


class Sandbox(Protocol):
    """Runs requests, one at a time."""

    def run(self, request: bytes, cpu_seconds: int) -> contextlib.AbstractContextManager[Run]:
        """Start a run of `request`; leaving the context ends it, whatever it does."""

    def close(self) -> None:
        """End everything."""


@dataclass(frozen=True)
class Isolation:
    """What this machine gives: `level` "root" (own uids for each slot), "user" (namespaces alone) or "none".

    `found` says it in words, `remedy` how to get more, "" where there is no need.
    """

    level: Literal["root", "user", "none"]
    found: str
    remedy: str = ""


def examine() -> Isolation:
    """Try out, in a process of its own, what isolation this machine gives; a third of a second."""
    try:
        sandbox = ForkingSandbox(0, preload=())
        sandbox.close()
    except IsolationError as error:
        return Isolation("none", str(error), isolation.remedy())
    cgroups = ", cgroups" if sandbox.cgroup_made else ""
    if os.geteuid() == 0:
        return Isolation("root", f"namespaces, a uid for each slot, system call filter{cgroups}")
    return Isolation("user", f"namespaces, system call filter{cgroups}")


def open_sandbox(slot: int, preload: Sequence[str], *, trust: bool) -> Sandbox:
    """Return a sandbox for slot number `slot` that has the modules `preload` loaded.

    Raises IsolationError where this machine cannot isolate, unless `trust`: then answers run with as little isolation
    as it gives, on macOS and Windows with none.
    """
    try:
        return ForkingSandbox(slot, preload=preload)
    except IsolationError:
        if not trust:
            raise
    return ForkingSandbox(slot, preload=preload, trusted=True) if sys.platform == "linux" else FreshSandbox(preload)


class ForkingSandbox:
    """Forks each run from a process that has everything loaded (`utils.grading.zygote`). Linux only.

    With `trusted` there are no namespaces: limits, the system call filter and, for root, another uid are what is left.
    Raises IsolationError where the machine refuses.
    """

    def __init__(self, slot: int, *, preload: Sequence[str], trusted: bool = False) -> None:
        isolation.check_platform()
        self._plan = make_plan(slot, trusted=trusted)
        self._preload = list(preload)
        memory = 2 * isolation.MEMORY_LIMIT
        self._cgroup = Cgroup(slot, memory, 2 * isolation.THREADS_LIMIT)
        self.cgroup_made = self._cgroup.made
        self._start()

    @contextlib.contextmanager
    def run(self, request: bytes, cpu_seconds: int) -> Iterator[_SocketRun]:
        """Start a run of `request`; leaving the context ends it, whatever it does."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    settings = json.dumps({"cpu_seconds": cpu_seconds}).encode()
                    socket.send_fds(self._control, [settings], [theirs.fileno()])
            except OSError:
                self._start()
                raise RunEnded("lost") from None
            try:
                yield _SocketRun(ours, request)
            finally:
                self._end_run()

    def close(self) -> None:
        """End the process, and with it whatever runs."""
        self._control.close()
        self._process.wait()
        self._cgroup.close()

    def _start(self) -> None:
        """Start the process and wait until it is ready."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "utils.grading.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=ENVIRONMENT,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the trusted side to answer
            )
        self._cgroup.add(self._process.pid)
        self._control.settimeout(START_SECONDS)
        self._tell(json.dumps({"plan": self._plan.to_json(), "preload": self._preload}).encode())
        try:
            message = self._control.recv(20_000)
            if message == b"map":
                isolation.write_uid_maps(self._process.pid, self._plan)
                self._tell(b"mapped")
                message = self._control.recv(20_000)
        except OSError as error:
            message = str(error).encode()
        if message != b"ready":
            self.close()
            reason = message.decode(errors="replace").removeprefix("failed ")
            raise IsolationError(reason or "the isolated process ended while it started")

    def _tell(self, message: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has ended; receiving will say so
            self._control.send(message)

    def _end_run(self) -> None:
        """End the run, if it has not ended, and be ready for the next."""
        self._tell(b"kill")
        try:
            alive = self._control.recv(MESSAGE)
        except OSError:
            alive = b""
        if not alive:
            self._control.close()
            self._process.kill()
            self._process.wait()
            self._start()


MESSAGE = 100
"""Bytes of the longest message that a zygote sends once it is ready."""


class _SocketRun:
    """A run at the other end of a socket."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self._connection = connection
        self._request = request

    def receive(self, seconds: float) -> Any:
        """Return the next message's value. Raises RunEnded where none comes within `seconds`."""
        deadline = time.monotonic() + seconds
        try:
            if self._request:
                self._connection.settimeout(seconds)
                self._connection.sendall(self._request)
                self._request = b""
            header = self._exactly(HEADER.size, deadline)
            return unpack(header + self._exactly(body_size(header), deadline))
        except TimeoutError:
            raise RunEnded("too slow") from None
        except ProtocolError:
            raise RunEnded("malformed") from None
        except (EOFError, OSError):
            raise RunEnded("ended") from None

    def _exactly(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._connection.settimeout(remaining)
            piece = self._connection.recv(min(size - len(data), 1 << 20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)


class FreshSandbox:
    """Starts a new process for each run, with no isolation at all: for macOS and Windows, where nothing else is had."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._preload = list(preload)

    @contextlib.contextmanager
    def run(self, request: bytes, cpu_seconds: int) -> Iterator[_PipeRun]:
        """Start a run of `request`; leaving the context ends it."""
        environment = {**os.environ, **{name: ENVIRONMENT[name] for name in ENVIRONMENT if name != "HOME"}}
        process = subprocess.Popen(
            [sys.executable, "-m", "utils.grading.fresh", *self._preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=ROOT,
        )
        try:
            yield _PipeRun(process, request)
        finally:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Nothing is left between runs."""


class _PipeRun:
    """A run at the other end of a process' pipes, which cannot be waited for with a limit on every system."""

    def __init__(self, process: subprocess.Popen, request: bytes) -> None:
        self._process, self._request = process, request
        self._messages: queue.Queue = queue.Queue()
        self._first = True
        threading.Thread(target=self._talk, daemon=True, name="messages of a run").start()

    def receive(self, seconds: float) -> Any:
        """Return the next message's value. Raises RunEnded where none comes within `seconds`."""
        extra, self._first = START_SECONDS if self._first else 0.0, False
        try:
            message = self._messages.get(timeout=seconds + extra)
        except queue.Empty:
            raise RunEnded("too slow") from None
        if isinstance(message, RunEnded):
            raise message
        return message

    def _talk(self) -> None:
        try:
            self._process.stdin.write(self._request)
            self._process.stdin.flush()
            while True:
                header = self._exactly(HEADER.size)
                self._messages.put(unpack(header + self._exactly(body_size(header))))
        except ProtocolError:
            self._messages.put(RunEnded("malformed"))
        except (EOFError, OSError):
            self._messages.put(RunEnded("ended"))

    def _exactly(self, size: int) -> bytes:
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise EOFError
        return data
