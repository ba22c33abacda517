"""`course grade` and `course autograder`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from utils.cli.messages import UserError, complain, console, relative
from utils.grading.archives import given_name, printable
from utils.grading.executors import Executor, ExecutorError, LocalExecutor
from utils.grading.gradebook import Gradebook, GradebookError, Keep
from utils.grading.records import Submission, SubmissionError, Unusable
from utils.grading.results import ClassResults, lesson_title
from utils.grading.sandbox import examine
from utils.grading.session import Late, Only, Summary, grade_class, results_so_far, write_class
from utils.grading.submissions import find_submissions
from utils.grading.watching import CLASS_PAGE, REPORTS, ClassPages, changes
from utils.grading.writing import ExportError, number
from utils.lessons import find_lesson
from utils.publishing.submission import NotebookError

if TYPE_CHECKING:
    from rich.table import Table

    from utils.grading.cluster import Tls

GRADEBOOK = "gradebook.sqlite"
NOTICES = "notices.txt"
SHOWN_NOTICES = 12
STOPPERS = (ExecutorError, GradebookError, NotebookError)
"""After one of these nothing more can be graded."""
TRUST = (
    "--trust-submissions grades all the same, and runs what was handed in as you, with your files and your network: "
    "only for your own work and that of people you would let use your account."
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `course grade` was asked for."""

    path: Path
    out: Path
    keep: Keep = "latest"
    late: Late = "accept"
    only: tuple[str, ...] = ()
    regrade: bool = False
    trust: bool = False
    nonce: str | None = None
    slots: int | None = None
    scheduler: str | None = None
    tls: Tls | None = None


def run_grade(request: Request, *, watch: bool = False, port: int = 0) -> int:
    """Grade, write all files, and say how it went; with `watch`, until Ctrl-C. Return the exit code.

    0: everything was graded; 1: something could not be, or not any more; 130: stopped. Raises `UserError` where
    nothing can be done.
    """
    _check(request)
    _check_isolation(request)
    try:
        with _open_gradebook(request) as gradebook, _executor(request) as executor:
            if watch:
                return _watch(request, gradebook, executor, port)
            return _grade_once(request, gradebook, executor)
    except (*STOPPERS, SubmissionError) as error:
        raise UserError(str(error)) from error


def tls_files(ca: Path | None, cert: Path | None, key: Path | None) -> Tls | None:
    """Return the three files, None if there are none."""
    if not (ca or cert or key):
        return None
    if not (ca and cert and key):
        raise UserError("--tls-ca, --tls-cert and --tls-key go together")
    from utils.grading.cluster import Tls

    return Tls(ca=ca, cert=cert, key=key)


def run_autograder(lesson: str, *, out: Path, nonce: str | None) -> int:
    """Write the zip that grades `lesson` on Gradescope."""
    from utils.grading.autograder import build_autograder

    _check_nonce(nonce)
    if out.is_dir():
        raise UserError(f"--out {out} is a folder: name the zip to write, such as {out / 'autograder.zip'}")
    try:
        found = find_lesson(lesson)
    except KeyError as error:
        raise UserError(error.args[0]) from error
    try:
        build_autograder(found, out, nonce=nonce)
    except (NotebookError, GradebookError) as error:
        raise UserError(str(error)) from error
    size = out.stat().st_size / 1e6
    console().print(
        f"{relative(out)}, {size:.1f} MB, grades lesson {found.id}: upload it as the assignment's autograder."
    )
    return 0


def _check(request: Request) -> None:
    """Refuse what was asked for where it cannot be meant."""
    path, out = request.path, request.out
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise UserError(f"--out {out} lies in {path}, where it would count as handed in: choose a folder beside it")
    _check_nonce(request.nonce)
    if request.scheduler is None and request.tls is not None:
        raise UserError("--tls-ca, --tls-cert and --tls-key are for a --scheduler")
    if request.scheduler is not None and request.slots is not None:
        raise UserError("--slots is for this machine; on a cluster, each thread of a worker is one")


def _check_nonce(nonce: str | None) -> None:
    if nonce is not None and not re.fullmatch("[0-9a-fA-F]{32,}", nonce):
        raise UserError("--nonce takes 32 or more hexadecimal digits, such as those of `openssl rand -hex 16`")


def _check_isolation(request: Request) -> None:
    """Refuse to run other people's work where nothing holds it, or warn that it is so."""
    if request.scheduler is not None:  # its workers know
        if request.trust:
            complain("workers that cannot isolate answers run them as their own user (--trust-submissions).", "Warning")
        return
    isolation = examine()
    if isolation.level != "none":
        return
    if request.trust:
        complain("answers run as you, with your files and your network (--trust-submissions).", "Warning")
        return
    raise UserError(f"answers cannot be isolated here: {isolation.found}.\nRemedy: {isolation.remedy}.\n{TRUST}")


def _open_gradebook(request: Request) -> Gradebook:
    return Gradebook.open(request.out / GRADEBOOK, nonce=request.nonce)


def _executor(request: Request) -> Executor:
    if request.scheduler is None:
        return LocalExecutor(request.slots or _cores(), trust=request.trust)
    from utils.grading.cluster import DaskExecutor

    return DaskExecutor(request.scheduler, tls=request.tls, trust=request.trust)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- once


def _grade_once(request: Request, gradebook: Gradebook, executor: Executor) -> int:
    items = list(find_submissions(request.path))
    done = total = 0
    try:
        with _progress_bar() as bar:

            def progress(*numbers: int) -> None:
                nonlocal done, total
                done, total = numbers
                bar(done, total)

            only = Only.of(request.only)
            summary = grade_class(items, gradebook, executor, only=only, regrade=request.regrade, on_progress=progress)
        if not summary.sources:
            raise UserError(_nobody(request, items))
        results = _results(request, gradebook, items)
        with console(stderr=True).status("Writing tables and pages"):  # nothing where there is no terminal
            notices = write_class(results, request.out)
    except KeyboardInterrupt:
        kept = relative(gradebook.path)
        complain(f"{done} of {total} are done and kept in {kept}; the same command goes on from there.", "Stopped")
        return 130
    except STOPPERS as error:
        raise UserError(str(error), exit_code=1 if done else 2) from error
    out = console()
    out.print(_table(results))
    out.print(f"{_counts(summary, results)}.")
    _print_notices(notices, request.out)
    _print_files(request.out)
    return 1 if _missing(results, summary) else 0


def _nobody(request: Request, items: Sequence[Submission | Unusable]) -> str:
    """Say that `--only` leaves nothing, and what there is."""
    learners = sorted({item.learner for item in items if item.learner})
    there = ", ".join(learners[:5]) + (f" and {len(learners) - 5} more" if len(learners) > 5 else "")
    asked = ", ".join(request.only)
    return f"--only {asked}: none of the {len(items)} submissions in {request.path} is meant; there are {there}"


@contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many are done, on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    out = console(stderr=True)
    columns = (
        TextColumn("Grading"),
        BarColumn(),
        MofNCompleteColumn(" of "),
        TextColumn("time left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _results(request: Request, gradebook: Gradebook, items: Iterable[Submission | Unusable]) -> ClassResults:
    """What counts so far; a problem of something that is not in the folder any more is none."""
    there = {item.source for item in items}
    given = printable(given_name(request.path))

    def gone(source: str) -> bool:
        return source not in there and source.startswith((f"{given}/", f"{given}: "))

    return results_so_far(gradebook, keep=request.keep, late=request.late, gone=gone)


def _missing(results: ClassResults, summary: Summary) -> bool:
    """Whether something of what was looked at could not be graded."""
    return any(problem.source in summary.sources for problem in results.problems) or any(
        exercise.status == "not graded"
        for entry in results.entries
        if entry.source in summary.sources
        for exercise in entry.grade.exercises
    )


def _table(results: ClassResults) -> Table:
    from rich.table import Table

    table = Table("Lesson", title="The class so far", title_justify="left")
    for column in ("Learners", "All passed", "Mean points"):
        table.add_column(column, justify="right")
    for lesson in results.tasks:
        grades = [entry.grade for entry in results.entries if entry.grade.lesson == lesson]
        passed = sum(all(exercise.status == "passed" for exercise in grade.exercises) for grade in grades)
        mean = sum(grade.earned for grade in grades) / len(grades)
        points = f"{mean:.1f} of {number(results.points(lesson))}"
        table.add_row(lesson_title(lesson), str(len(grades)), str(passed), points)
    return table


def _counts(summary: Summary, results: ClassResults) -> str:
    problems = {problem.source for problem in results.problems}
    counts = {
        "graded": len(summary.graded - problems),
        "as before": len(summary.kept - problems),
        "could not be graded": len(summary.sources & problems),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing to grade"


def _print_notices(notices: Sequence[str], folder: Path) -> None:
    out = console()
    for notice in notices[:SHOWN_NOTICES]:
        out.print("! ", style="yellow", end="")
        out.print(notice)
    if len(notices) > SHOWN_NOTICES:
        out.print(f"! {len(notices) - SHOWN_NOTICES} more in {relative(folder / NOTICES)}", style="yellow")


FILES = {
    CLASS_PAGE: "the class, with figures: open it in a browser",
    REPORTS: "a page for each learner",
    "grades.csv": "for a spreadsheet",
    "canvas.csv": "for Canvas: Grades > Import",
    "moodle_*.csv": "for Moodle: upload grading worksheet",
    "gradescope": "results.json for each submission",
    "junit.xml": "for tools that show test results",
    "grades.jsonl": "everything, a line for each submission",
    NOTICES: "what to know about these files",
    GRADEBOOK: "every grade, and the nonce of the hidden cases: keep it, and keep it to yourself",
}


def _print_files(folder: Path) -> None:
    found = [(path, purpose) for pattern, purpose in FILES.items() for path in sorted(folder.glob(pattern))]
    names = [f"{relative(path)}{os.sep if path.is_dir() else ''}" for path, _ in found]
    width = max(map(len, names)) + 2
    for name, (_, purpose) in zip(names, found, strict=True):
        console().print(f"{name:<{width}}{purpose}")


# --- while work comes in


def _watch(request: Request, gradebook: Gradebook, executor: Executor, port: int) -> int:
    out = console()
    try:
        pages = ClassPages(request.out, port)
    except OSError as error:
        raise UserError(f"port {port} cannot be listened on ({error.strerror}): take another with --port") from error
    told: set[str] = set()
    with pages:
        out.print(f"Watching {relative(request.path)}; Ctrl-C ends it.")
        out.print(f"The class, kept up to date:  {pages.address}", style="bold")
        out.print(f"The same, to read in peace:  {pages.address}{CLASS_PAGE}")
        try:
            for restless in changes(request.path):
                told = _catch_up(request, gradebook, executor, restless, told)
                request = replace(request, regrade=False)  # once is enough
        except KeyboardInterrupt:
            out.print(f"Ended. Everything is in {relative(request.out)}.")
    return 0


def _catch_up(
    request: Request, gradebook: Gradebook, executor: Executor, restless: frozenset[str], told: set[str]
) -> set[str]:
    """Grade what is there and at rest, write the files, tell what is new; return the notices that are told by now."""
    out = console()
    given = printable(given_name(request.path))
    waiting = tuple(printable(f"{given}/{name}") if name else "" for name in restless)
    try:
        items = [item for item in find_submissions(request.path) if not item.source.startswith(waiting)]
    except SubmissionError as error:  # nothing is there yet, or not any more
        if str(error) not in told:
            complain(str(error), "Waiting")
        return told | {str(error)}
    summary = grade_class(items, gradebook, executor, only=Only.of(request.only), regrade=request.regrade)
    results = _results(request, gradebook, items)
    try:
        notices = write_class(results, request.out)
    except ExportError as error:
        complain(str(error))
        return told
    if summary.graded:
        out.print(f"{time.strftime('%H:%M:%S')}  {_counts(summary, results)}.")
    _print_notices([notice for notice in notices if notice not in told], request.out)
    return set(notices)
