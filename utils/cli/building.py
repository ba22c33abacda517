"""`course build`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from utils.cli.messages import UserError, console, relative
from utils.lessons import COURSE, LESSONS, SOLUTIONS, Lesson, find_lesson


def run_build(names: Sequence[str], *, check: bool, execute: bool) -> int:
    """Build or check the lessons called `names` (all that have a source, if none is named); return the exit code."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from utils.publishing.building import build, find_orphans, find_stale
    from utils.publishing.problems import BuildError

    lessons = chosen(names)
    out = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        tasks = {}

        def on_cell(lesson: Lesson, done: int, total: int) -> None:
            if lesson not in tasks:
                tasks[lesson] = progress.add_task(f"{lesson.id} {lesson.title}", total=total)
            progress.update(tasks[lesson], completed=done)

        try:
            if check:
                stale = find_stale(lessons, execute=execute, on_cell=on_cell)
                stale += [] if names else find_orphans()
            else:
                changed = build(lessons, execute=execute, on_cell=on_cell)
        except BuildError as error:
            problems = [replace(problem, file=relative(problem.file)) for problem in error.problems]
            raise UserError("\n".join(["the notebooks cannot be built", *map(str, problems)]), exit_code=1) from error
    if check:
        for entry in stale:
            out.print(str(replace(entry, file=relative(entry.file))))
        if not stale:
            out.print(f"fresh: {', '.join(lesson.id for lesson in lessons) or 'nothing to check'}")
        return 1 if stale else 0
    for path in changed:
        out.print(f"wrote {relative(path)}")
    if not changed:
        out.print("nothing changed")
    return 0


def chosen(names: Sequence[str]) -> list[Lesson]:
    """Return the lessons called `names`, or, if there are no names, all that have a source."""
    try:
        lessons = [find_lesson(_bare(name)) for name in names]
    except KeyError as error:
        raise UserError(error.args[0]) from error
    return lessons or [lesson for lesson in LESSONS if lesson.source.exists()]


def _bare(name: str) -> str:
    """Return `name` as the course map has it: a file that the shell completed may stand for its lesson."""
    path = Path(name)
    if path.suffix not in (".py", ".ipynb"):
        return name
    tree = next((tree for tree in (SOLUTIONS, COURSE) if path.resolve().is_relative_to(tree)), None)
    return (path.resolve().relative_to(tree) if tree else path).with_suffix("").as_posix()
