"""The commands and their help. Each does its own imports, so that `course --help` does not wait for any of them."""

from __future__ import annotations

from pathlib import Path
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


@app.command()
def check(
    notebooks: Annotated[
        list[Path], typer.Argument(metavar="NOTEBOOK...", help="Notebooks, or folders of them; only read.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
    cell_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long any one cell may run.", show_default="120")
    ] = None,
    answer_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long an answer cell may run.", show_default="30")
    ] = None,
) -> None:
    """Check your answers, and count the points.

    Only your answer cells are taken from the notebook, whatever state it was saved in; everything around them is the
    course's own. So what an answer needs has to stand in its cell. Leaves with 0 if every exercise is passed, with 1
    if not, with 2 if a file cannot be checked.

    \b
    course check course/2_how_it_works/3_contrastive_alignment.ipynb
    course check course
    course check --json my_copy.ipynb > result.json
    """
    from utils.cli.checking import run_check

    raise typer.Exit(run_check(notebooks, as_json=json, cell_timeout=cell_timeout, answer_timeout=answer_timeout))
