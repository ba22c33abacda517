"""The process that is forked for each run: it loads torch once, inside its walls, and never sees an answer or a secret.

Started by `utils.grading.sandbox`, which talks to it over one socket. It says "map" when its uids are to be mapped,
then "ready". For each run it is sent a JSON line with the run's limits and, with it, one file descriptor: the run's
own socket, over which request and outcomes travel between the trusted process and the child alone. It answers
"ended <wait status>". "kill" ends the run. When the socket closes, everything ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

from utils.grading import child, isolation

MESSAGE_LIMIT = 1_000_000


def main(descriptor: int) -> None:
    """Serve runs over the socket `descriptor` until it closes."""
    control = socket.socket(fileno=descriptor)
    isolation.end_with_parent()
    settings = json.loads(control.recv(MESSAGE_LIMIT))
    plan = isolation.Plan.from_json(settings["plan"])

    def map_uids() -> None:
        control.send(b"map")
        if control.recv(16) != b"mapped":
            raise isolation.IsolationError("mapping users in a user namespace was refused")

    try:
        if not plan.trusted:
            isolation.enter(plan, map_uids)
        fork = os.fork if plan.trusted else isolation.PidNamespaces().fork
        for module in settings["preload"]:
            importlib.import_module(module)
        child.seed_everything()
    except Exception as error:  # noqa: BLE001 - whatever it is, the trusted side must be told
        with contextlib.suppress(OSError):  # if it is still there
            control.send(b"failed " + str(error).encode()[:10_000])
        os._exit(1)
    gc.collect()
    gc.freeze()  # so that a child's collector does not touch, and so copy, what it shares with us
    with contextlib.suppress(OSError):  # the trusted side has gone: so do we
        control.send(b"ready")
        while _serve_one(control, plan, fork, isolation.address_space() + isolation.MEMORY_LIMIT):
            pass
    os._exit(0)


def _serve_one(control: socket.socket, plan: isolation.Plan, fork: object, memory: int) -> bool:
    """Fork one run and wait for its end; return False once the trusted side is gone."""
    message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_LIMIT, 1)
    if not message:
        return False
    if not descriptors:  # a "kill" that crossed the end of its run
        return True
    pid = fork()
    if pid == 0:
        _run(descriptors[0], plan, json.loads(message)["cpu_seconds"], memory)
    os.close(descriptors[0])
    ended = os.pidfd_open(pid)
    try:
        readable, _, _ = select.select([ended, control], [], [])
        if ended not in readable:  # "kill", or the end of the trusted side: the same to the run
            os.kill(pid, signal.SIGKILL)
        gone = ended not in readable and not control.recv(MESSAGE_LIMIT)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(ended)
    if not gone:
        control.send(f"ended {status}".encode())
    return not gone


def _run(descriptor: int, plan: isolation.Plan, cpu_seconds: int, memory: int) -> None:
    """Be the child: keep nothing but the run's own socket, build the walls, serve, end."""
    try:
        own = os.dup2(descriptor, 3)
        os.closerange(4, isolation.OPEN_FILES_LIMIT)
        quiet = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(quiet, standard)
        os.close(quiet)
        isolation.confine(plan, cpu_seconds, memory)
        connection = socket.socket(fileno=own)
        child.seed_everything()  # again: a fork reseeds Python's own generator
        child.serve(lambda size: _receive(connection, size), connection.sendall)
    finally:
        os._exit(0)  # past exit handlers and threads, which an answer may have left behind


def _receive(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError("the request ended early")
        data += piece
    return bytes(data)


if __name__ == "__main__":
    main(int(sys.argv[1]))
