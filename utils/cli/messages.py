"""How the command speaks: one console for what was asked, one for complaints, and the error that needs no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class UserError(Exception):
    """Something the user can mend: `main` prints the message and leaves with `exit_code`."""

    def __init__(self, message: str, *, exit_code: int = 2):
        super().__init__(message)
        self.exit_code = exit_code


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes text as it is: no square bracket in a message is mistaken for markup."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)


def complain(message: str, kind: str = "Error") -> None:
    """Print `message` on standard error, after its kind."""
    out = console(stderr=True)
    out.print(f"{kind}: ", style="bold red", end="")
    out.print(message)


def relative(path: Path) -> Path:
    """Return `path` as seen from the working directory, if it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
