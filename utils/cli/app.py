"""The commands and their help. Each does its own imports, so that `course --help` does not wait for any of them."""

from __future__ import annotations

from enum import StrEnum
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def lab(
    context: typer.Context,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser, or just print the address.")
    ] = True,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8888,
) -> None:
    """Open JupyterLab on the first notebook.

    It works offline, and Ctrl-C stops it. JupyterLab gets what follows --.

    \b
    course lab
    course lab --no-browser --port 9000       prints the address to open
    course lab -- --ip=0.0.0.0 --allow-root   in a container
    """
    from utils.cli.lab import run_lab

    run_lab(browser=browser, port=port, arguments=context.args)


@app.command()
def check(
    notebooks: Annotated[
        list[Path], typer.Argument(metavar="NOTEBOOK...", help="Notebooks, or folders of them; only read.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
    cell_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="How long a cell may run.", show_default="300")
    ] = None,
    answer_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="How long an answer cell may run.", show_default="30")
    ] = None,
) -> None:
    """Check your answers, and count the points.

    Only your answer cells are taken from the notebook, whatever state it was
    saved in; everything around them is the course's own. So what an answer
    needs has to stand in its cell.

    Leaves with 0 if every exercise is passed, with 1 if not, and with 2 if a
    file cannot be checked.

    \b
    course check course/2_how_it_works/3_contrastive_alignment.ipynb
    course check course                         every notebook
    course check --json my_copy.ipynb > result.json
    """
    from utils.cli.checking import run_check

    raise typer.Exit(run_check(notebooks, as_json=json, cell_timeout=cell_timeout, answer_timeout=answer_timeout))


@app.command()
def progress(
    every: Annotated[bool, typer.Option("--all", help="A row for each exercise too.")] = False,
) -> None:
    """Show what you have passed, your points, and what comes next.

    Progress is kept on this machine only, in a file that you can read; the
    last line says where. Running a check in a notebook writes it.

    \b
    course progress
    course progress --all
    """
    from utils.cli.progress import run_progress

    raise typer.Exit(run_progress(every=every))


class Keep(StrEnum):
    """Which of a learner's notebooks of one lesson counts."""

    latest = "latest"
    best = "best"


class Late(StrEnum):
    """What late work earns."""

    accept = "accept"
    zero = "zero"


@app.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(metavar="SUBMISSIONS", help="A folder, a zip or a notebook; only read.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where gradebook, tables and pages go.")],
    keep: Annotated[Keep, typer.Option(help="Which of several notebooks of one lesson counts.")] = Keep.latest,
    late: Annotated[
        Late, typer.Option(help="Late work counts in full, or only where there is none in time, and earns nothing.")
    ] = Late.accept,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="WHOSE", help="A learner, name or file (* and ? match), or a lesson such as 2.3."),
    ] = None,
    regrade: Annotated[bool, typer.Option("--regrade", help="Grade anew what is graded already.")] = False,
    slots: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many to grade at a time.", show_default="cores")
    ] = None,
    nonce: Annotated[
        str | None, typer.Option(metavar="HEX", help="Draw the hidden cases from this; by default a new secret.")
    ] = None,
    trust_submissions: Annotated[
        bool, typer.Option("--trust-submissions", help="Grade even where answers cannot be isolated.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on grading as work arrives, and show the class page in a browser.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --watch: the page's port; 0 is any free one.")] = 0,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Grade on a dask cluster, such as tls://10.0.0.7:8786.")
    ] = None,
    tls_ca: Annotated[Path | None, typer.Option(metavar="FILE", help="The authority's certificate (PEM).")] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Our certificate for the cluster.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of that certificate.")] = None,
) -> None:
    """Grade a class, however it was handed in.

    SUBMISSIONS may be what Canvas, Moodle or Gradescope give to download, the
    submitted/ of nbgrader, or a folder of notebooks or of folders. Answers run
    isolated, with cases that nobody has seen. Stop it whenever you like: the
    same command goes on from there.

    Leaves with 0 if everything was graded, with 1 if something could not be
    (the rest was), and with 2 if nothing was done.

    \b
    course grade week1.zip --out grades
    course grade submitted --out grades --keep best --late zero
    course grade submitted --out grades --only ada --regrade
    course grade submitted --out grades --watch
    """
    from utils.cli.grading import Request, run_grade, tls_files

    request = Request(
        path=submissions,
        out=out,
        keep=keep.value,
        late=late.value,
        only=tuple(only or ()),
        regrade=regrade,
        slots=slots,
        nonce=nonce,
        trust=trust_submissions,
        scheduler=scheduler,
        tls=tls_files(tls_ca, tls_cert, tls_key),
    )
    raise typer.Exit(run_grade(request, watch=watch, port=port))


@app.command()
def autograder(
    lesson: Annotated[str, typer.Argument(help="Such as 2.3.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The zip to write.")] = Path("autograder.zip"),
    nonce: Annotated[
        str | None, typer.Option(metavar="HEX", help="Draw the hidden cases from this; by default a new secret.")
    ] = None,
) -> None:
    """Make the zip by which Gradescope grades a lesson.

    It holds the course, this lesson's solution and the secret of the hidden
    cases, so it is for instructors only.

    \b
    course autograder 2.3
    course autograder 2.3 --out lesson_2_3.zip
    """
    from utils.cli.grading import run_autograder

    raise typer.Exit(run_autograder(lesson, out=out, nonce=nonce))


@app.command()
def train(
    name: Annotated[
        str | None, typer.Argument(help="A recipe; without one, the recipes are listed.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the checkpoint goes; by default where the course keeps it."),
    ] = None,
) -> None:
    """Train a model of the course again, as its checkpoint was made.

    Each checkpoint in assets/ has a recipe: data, model, steps and seed.
    Training writes the weights and, beside them, a model card with the
    held-out figures. Ctrl-C stops it and writes nothing. Leaves with 1 if a
    figure misses its bar.

    \b
    course train                   the recipes, and what each makes
    course train NAME
    course train NAME --output mine
    course train families          the four of lesson 3.6, and its table
    """
    from utils.cli.training import run_train

    raise typer.Exit(run_train(name, output=output))


@app.command()
def doctor() -> None:
    """Look at this machine: what is installed, what is missing, and how to get it.

    Leaves with 1 if something that the lessons need is missing. Lines with a
    dot matter only to those who change or test the course.

    \b
    course doctor
    """
    from utils.cli.doctor import run_doctor

    raise typer.Exit(run_doctor())


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

    Each solutions/CHAPTER/NAME.py becomes two notebooks: the executed one
    beside it, and the learner's in course/. With --check, the notebooks that
    are there are compared with what their sources give now.

    \b
    course build 2.3                    one lesson
    course build --no-execute 2.3       its words only, in a second
    course build --check                run everything and compare
    course build --check --no-execute   cells, sources and metadata only
    """
    from utils.cli.building import run_build

    raise typer.Exit(run_build(lessons or [], check=check, execute=not no_execute))
