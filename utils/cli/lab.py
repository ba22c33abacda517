"""`course lab`."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from utils.cli.messages import UserError, relative
from utils.lessons import LESSONS, ROOT, Lesson


def run_lab(lesson: Lesson = LESSONS[0], *, browser: bool, port: int, arguments: Sequence[str] = ()) -> None:
    """Open JupyterLab on `lesson`, in this process, until it is stopped. `arguments` are passed on to JupyterLab."""
    command = lab_arguments(lesson.notebook, browser=browser, port=port, arguments=arguments)
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in arguments:
        raise UserError("JupyterLab does not like to run as root; if you mean it: course lab -- --allow-root")
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(command)


def lab_arguments(
    notebook: Path, *, browser: bool, port: int, arguments: Sequence[str] = (), root: Path = ROOT
) -> list[str]:
    """Return JupyterLab's command line for `notebook`, which lies below `root`.

    Raises `UserError` if the notebook is not there or the port is in use.
    """
    if not notebook.is_file():
        raise UserError(f"{relative(notebook)} is not there: `git checkout course`, or `course build` after `.[dev]`")
    if not is_free(port):
        free = next((other for other in range(port + 1, min(port + 100, 65536)) if is_free(other)), None)
        instead = f", or take another port: course lab --port {free}" if free else ""
        raise UserError(
            f"port {port} is in use, perhaps by a JupyterLab that is still open (`jupyter server list` shows them): "
            f"go on there, or stop it{instead}"
        )
    command = [
        f"--ServerApp.root_dir={root}",  # the solutions are a click away from the course
        # not as a file to open: then the printed address would lead to an empty Lab
        f"--LabApp.default_url=/lab/tree/{quote(notebook.relative_to(root).as_posix())}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        # nothing is fetched from outside: the course works offline
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # without it the connection holds back small messages, and a live widget answers 35 ms later
        "--ServerApp.jpserver_extensions={'utils.widgets.server': True}",
    ]
    return [*command, *([] if browser else ["--no-browser"]), *arguments]


def is_free(port: int) -> bool:
    """Say whether this machine's `port` can be listened on."""
    with socket.socket() as probe:
        if os.name == "posix":  # as Jupyter does: a port that was closed a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
