"""`course progress`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from utils.cli.messages import complain, console, relative
from utils.lessons import COURSE, LESSONS, SOLUTIONS, Lesson
from utils.publishing.submission import NotebookError, Task, read_pristine

WORDS = {"passed": "passed", "not yet": "begun", "crashed": "begun", "too slow": "begun"}


def run_progress(
    *, lessons: Iterable[Lesson] = LESSONS, course: Path = COURSE, solutions: Path = SOLUTIONS, every: bool = False
) -> int:
    """Print a row for each lesson (with `every`, for each exercise), the sum, and what to do next."""
    from rich.table import Table

    from utils.exercises.progress import Record, progress_path, read_progress

    progress = read_progress()
    if progress.warning:
        complain(progress.warning, "Note")
    table = Table("Lesson", "Minutes", "Exercises", "Points", title="Your progress", title_justify="left")
    earned = possible = 0
    following: tuple[Lesson, Task] | None = None
    for lesson in lessons:
        tasks = _tasks(solutions / f"{lesson.path}.ipynb")
        if tasks is None:
            table.add_row(f"{lesson.id} {lesson.title}", str(lesson.minutes), "not built yet", "")
            continue
        records = {task.exercise: progress.records.get(task.exercise, Record()) for task in tasks}
        done = [task for task in tasks if records[task.exercise].status == "passed"]
        points, out_of = sum(task.points for task in done), sum(task.points for task in tasks)
        table.add_row(
            f"{lesson.id} {lesson.title}",
            str(lesson.minutes),
            f"{len(done)} of {len(tasks)}",
            f"{points:g} of {out_of:g}",
        )
        if every:
            for task in tasks:
                word = WORDS.get(records[task.exercise].status, "to do")
                table.add_row(f"  {task.exercise} {task.title}", "", word, f"{task.points:g}")
        earned, possible = earned + points, possible + out_of
        if following is None and len(done) < len(tasks):
            following = lesson, next(task for task in tasks if task not in done)
    out = console()
    out.print(table)
    out.print(f"{earned:g} of {possible:g} points.")
    if following:
        lesson, task = following
        out.print(f"Next: {task.exercise} {task.title}, in {relative(course / f'{lesson.path}.ipynb')}")
    elif possible:
        out.print("Every exercise is passed.")
    path = progress_path()
    out.print(f"Kept in {path}" if path else "No progress is kept here (COURSE_PROGRESS, CI).", style="dim")
    return 0


def _tasks(pristine: Path) -> tuple[Task, ...] | None:
    """Return a lesson's exercises, or None if its notebook has not been built."""
    try:
        return read_pristine(pristine).tasks
    except NotebookError:
        return None
