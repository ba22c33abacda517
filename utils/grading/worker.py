"""A process that grades: one `Grader` in its main thread, fed by an executor through a pipe.

A request is a line of JSON, {"source": ..., "nonce": ..., "size": ...}, and after it the notebook's bytes; a reply is
a line of JSON. Before the first request comes {"ready": true}, or {"failed": why} where this machine cannot isolate.
The process ends when its standard input does, and on Linux also with the thread that started it.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from utils.grading.isolation import IsolationError

if TYPE_CHECKING:
    from filelock import FileLock

GRADER = "utils.grading.grader:Grader"
MODULE = "utils.grading.worker"


def command(*, trust: bool, grader: str) -> list[str]:
    """Return the command line that starts a worker for this process."""
    # -P: a torch.py in the working folder, which may hold submissions, is not torch
    line = [sys.executable, "-P", "-m", MODULE, "--parent", str(os.getpid()), "--grader", grader]
    return [*line, *(["--trust"] if trust else [])]


def main(arguments: Sequence[str] | None = None) -> None:
    """Grade what comes through standard input until it ends."""
    parser = argparse.ArgumentParser(prog=MODULE)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--grader", default=GRADER)
    parser.add_argument("--trust", action="store_true")
    asked = parser.parse_args(arguments)
    _end_with(asked.parent)
    signal.signal(signal.SIGTERM, _leave)
    requests, replies = _take_pipes()
    module, _, name = asked.grader.partition(":")
    slot, _lock = _take_slot()
    try:
        grader = getattr(importlib.import_module(module), name)(slot=slot, trust=asked.trust)
    except IsolationError as error:
        _reply(replies, {"failed": str(error)})
        return
    try:
        _reply(replies, {"ready": True})
        for line in requests:
            request = json.loads(line)
            content = requests.read(request["size"])
            grade = grader.grade(content, request["source"], request["nonce"])
            _reply(replies, grade.as_dict())
    finally:
        grader.close()


def _leave(*_: object) -> None:
    """End in an orderly way, so that the grader is closed; asked again, go on with that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends, however it ends (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes from and to the executor; in their place, nothing is read, and prints go to standard error."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _take_slot() -> tuple[int, FileLock]:
    """Return the lowest slot that no other worker of this user has on this machine, and the lock that keeps it ours.

    A slot has its own user and limits, so two graders that run at the same time must not share one.
    """
    import platformdirs
    from filelock import FileLock, Timeout

    folder = platformdirs.user_cache_path("multimodal-hands-on", appauthor=False, ensure_exists=True)
    for slot in itertools.count():
        lock = FileLock(folder / f"grading-slot-{slot}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return slot, lock
    raise AssertionError("slots do not end")


def _reply(replies: BinaryIO, content: dict[str, Any]) -> None:
    replies.write(json.dumps(content).encode() + b"\n")
    replies.flush()


if __name__ == "__main__":
    main()
