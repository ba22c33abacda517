"""Where submissions are graded: an interface, and the processes of this machine. `cluster.py` has another.

Each slot is a process of its own (`worker.py`), since a grader needs a main thread and torch is to be loaded once. One
that dies is replaced and its job given once more; a job that ends two of them gets a grade that says so.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from utils.grading.records import Grade
from utils.grading.worker import GRADER, command

ATTEMPTS = 2  # workers that may die of one job
STARTS = 3  # workers in a row that may die before they are ready
JOB_SECONDS = 600.0  # far more than the limits of all exercises of a lesson together
START_SECONDS = 120.0  # importing torch from a slow disk
CLOSE_SECONDS = 2.0  # for a worker to end by itself
LOOK_AHEAD = 2  # notebooks in memory for each slot: one that is graded, one that waits

# fork only from a single thread; and slots share the cores among themselves
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

log = logging.getLogger(__name__)


class ExecutorError(RuntimeError):
    """Grading cannot go on at all, whatever the submission; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One notebook to grade: its bytes, untrusted, the name people know it by, and the nonce of the hidden cases."""

    content: bytes
    source: str
    nonce: str


class Executor(ABC):
    """Grades jobs somewhere else; a context manager, at whose end nothing of it runs any more."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many jobs to have submitted at a time so that no slot waits."""

    @abstractmethod
    def submit(self, job: Job) -> Future[Grade]:
        """Begin to grade `job`. The future raises `ExecutorError` where grading cannot go on."""

    @abstractmethod
    def close(self) -> None:
        """End at once: what is being graded is given up."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_exception) -> None:
        self.close()


class LocalExecutor(Executor):
    """Grades in `slots` processes of this machine, started when they are first needed.

    With `trust`, without isolation. `seconds` is what a process may take for one notebook before it counts as hung.
    `grader` names the class that grades, as "module:class".
    """

    def __init__(self, slots: int, *, trust: bool = False, seconds: float = JOB_SECONDS, grader: str = GRADER):
        self._slots = [Slot(trust=trust, seconds=seconds, grader=grader) for _ in range(slots)]
        self._idle: SimpleQueue[Slot] = SimpleQueue()
        for slot in self._slots:
            self._idle.put(slot)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="slot")

    @property
    def capacity(self) -> int:
        """A few jobs for each process."""
        return LOOK_AHEAD * len(self._slots)

    def submit(self, job: Job) -> Future[Grade]:
        """Put `job` in the queue of the processes."""
        return self._threads.submit(self._grade, job)

    def close(self) -> None:
        """End the processes; jobs that wait are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for slot in self._slots:
            slot.stop()
        for slot in self._slots:
            slot.close()
        self._threads.shutdown()

    def _grade(self, job: Job) -> Grade:
        slot = self._idle.get()
        try:
            return slot.grade(job)
        finally:
            self._idle.put(slot)


class Slot:
    """A place to grade in: one worker process at a time, used by one thread at a time. `LocalExecutor` has the rest."""

    def __init__(self, *, trust: bool = False, seconds: float = JOB_SECONDS, grader: str = GRADER):
        self._command = command(trust=trust, grader=grader)
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._said: Any = None  # the worker's standard error
        self._closed = False
        self._lock = threading.Lock()  # no process is started once the slot is closed

    def grade(self, job: Job) -> Grade:
        """Grade `job`, in a second worker if the first one dies of it.

        Raises `ExecutorError` if no worker can be started, and once the slot is closed.
        """
        header = json.dumps({"source": job.source, "nonce": job.nonce, "size": len(job.content)})
        request = header.encode() + b"\n" + job.content
        how = ""
        for _ in range(ATTEMPTS):
            process = self._ready()
            try:
                return Grade.from_dict(self._ask(process, request, self._seconds))
            except _Ended as ended:
                if self._closed:
                    raise ExecutorError("grading was stopped") from ended
                how = str(ended)
                log.warning("grading %s: the worker %s%s", job.source, how, self._last_words())
        return ended_by(job.source, f"the worker {how}")

    def stop(self) -> None:
        """Have the worker end, at once where it is grading, without waiting for it."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()  # lets the grader clear up

    def close(self) -> None:
        """End the worker, and wait until it is gone."""
        self.stop()
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=CLOSE_SECONDS)
        _kill(self._process)
        self._process.wait()

    def _ready(self) -> subprocess.Popen[bytes]:
        """Return a worker that waits for a job."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        how = ""
        for _ in range(STARTS):
            process = self._start()
            try:
                reply = self._ask(process, b"", START_SECONDS)
            except _Ended as ended:
                how = str(ended)
                continue
            if "failed" in reply:
                raise ExecutorError(reply["failed"])
            return process
        raise ExecutorError(f"a process that grades {how} before it was ready{self._last_words()}")

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise ExecutorError("grading was stopped")
            if self._process is not None:
                _kill(self._process)  # the process may be gone and others of its group not
                _release(self._process)
                self._said.close()
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,  # Ctrl-C is for the grader, which then ends its workers
            )
            return self._process

    def _ask(self, process: subprocess.Popen[bytes], request: bytes, seconds: float) -> dict[str, Any]:
        """Send `request` and return the reply. Raises `_Ended` if the worker ends instead, or has to be ended."""
        late = threading.Event()
        timer = threading.Timer(seconds, lambda: (late.set(), _kill(process)))
        timer.start()
        try:
            process.stdin.write(request)
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:  # it ended before it had read the request
            line = b""
        finally:
            timer.cancel()
        if line.endswith(b"\n"):
            return json.loads(line)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=CLOSE_SECONDS)  # its pipe closes a moment before it has an exit code
        _kill(process)
        code = process.wait()
        if late.is_set():
            raise _Ended(f"took longer than {seconds:g} s")
        if code >= 0:
            raise _Ended(f"ended with exit code {code}")
        out_of_memory = ", perhaps for want of memory" if code == -signal.SIGKILL else ""
        raise _Ended(f"was ended by {signal.Signals(-code).name}{out_of_memory}")

    def _last_words(self) -> str:
        """Return the last line that the worker wrote on standard error, for the log."""
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 4096))
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


class _Ended(Exception):
    """A worker has ended, or was ended, without a reply; the message says how."""


def ended_by(source: str, how: str) -> Grade:
    """Return the grade of a notebook that every process which was to grade it has died of."""
    return Grade(
        lesson="",
        problem=f"{source} could not be graded: it twice ended the process that was to grade it ({how}). "
        "An instructor has to look at it, and can have it tried again with --regrade",
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads its own group
    else:
        process.kill()


def _release(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    with contextlib.suppress(OSError):  # what was never sent cannot be flushed
        process.stdin.close()
    process.stdout.close()
