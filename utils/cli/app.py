"""The commands and their help. Each does its own imports, so that `course --help` does not wait for any of them."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="course",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    epilog="[bold]course COMMAND --help[/] tells more, with examples.",
)


@app.callback()
def course() -> None:
    """Multimodal models, hands on.

    New here? [bold]course lab[/] opens the first notebook.
    """


@app.command()
def build(
    lessons: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LESSON]...", help="Such as 2.3 or 0_start/1_start_here; all by default."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; name what is stale and leave with 1.")] = False,
    no_execute: Annotated[
        bool, typer.Option("--no-execute", help="Run no cell: cells that did not change keep their stored output.")
    ] = False,
) -> None:
    """Make the notebooks from their sources (for authors).

    Each solutions/CHAPTER/NAME.py becomes two notebooks: the executed one beside it, and the learner's in course/.
    With --check, compare the notebooks that are there with what their sources give now.

    \b
    course build 2.3                 one lesson
    course build --no-execute 2.3    its words only, in a second
    course build --check             run everything and compare
    course build --check --no-execute
    """
    from utils.cli.building import run_build

    raise typer.Exit(run_build(lessons or [], check=check, execute=not no_execute))
