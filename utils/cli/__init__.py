"""The `course` command: open, check, follow, build, train, and see what a machine lacks."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the `course` command; what the user can mend is told in a sentence, never as a traceback."""
    from utils.cli.app import app
    from utils.cli.messages import UserError, complain

    try:
        app()
    except UserError as error:
        complain(str(error))
        sys.exit(error.exit_code)
