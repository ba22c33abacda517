"""Running a notebook from its first cell to its last, as a learner's *Run All* would."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_TIMEOUT = 600.0  # seconds; a notebook's whole run is meant to take a minute, but not on every machine


class CellFailed(Exception):
    """A cell did not run to its end: `cell` is its id, the message what happened."""

    def __init__(self, cell: str, message: str):
        super().__init__(message)
        self.cell = cell


def execute(
    notebook: NotebookNode,
    folder: Path,
    *,
    strict: bool = True,
    on_cell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Run `notebook` in `folder` with this very Python and store the outputs in it.

    Raises `CellFailed` at the first error, and, where `strict`, at the first answer that its check refuses. The
    learner's progress is left alone. `on_cell(done, total)` is called after each cell.
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    # no folders: the one kernel it then knows runs this interpreter, whatever kernels the machine has installed
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_TIMEOUT,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.reset_execution_trackers()
    with tempfile.TemporaryDirectory() as profile:
        # the user's own IPython start-up files would put their marks on the outputs
        environment = os.environ | {
            "COURSE_PROGRESS": "off",
            "TQDM_DISABLE": "1",  # bars are for eyes, not for stored outputs
            "COURSE_STRICT": "1" if strict else "",
            "IPYTHONDIR": profile,
        }
        with client.setup_kernel(env=environment, cleanup_kc=True):
            for number, cell in enumerate(notebook.cells):
                try:
                    client.execute_cell(cell, number, execution_count=client.code_cells_executed + 1)
                except CellTimeoutError as error:
                    raise CellFailed(cell.id, f"ran longer than {CELL_TIMEOUT:g} s") from error
                except DeadKernelError as error:
                    raise CellFailed(cell.id, "the kernel died") from error
                except CellExecutionError as error:
                    raise CellFailed(cell.id, _last_lines(error)) from error
                on_cell(number + 1, len(notebook.cells))


def _last_lines(error: Exception, count: int = 16) -> str:
    """Return the end of the traceback, which says what failed, without the terminal's colours."""
    lines = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip().splitlines()
    return "\n    ".join(lines[-count:])
