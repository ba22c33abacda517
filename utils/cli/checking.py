"""`course check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from utils.cli.messages import UserError, complain, console, relative
from utils.lessons import LESSONS, SOLUTIONS, Lesson
from utils.publishing.checking import CheckError, NotebookResult, Result, check_notebook
from utils.publishing.submission import NotebookError, NotOfThisCourse

# a sign and a word for each status, so that nothing depends on colour
SIGNS = {
    "passed": ("✓", "green"),
    "to do": ("·", "dim"),
    "not yet": ("✗", "red"),
    "crashed": ("!", "red"),
    "too slow": ("…", "red"),
}


def run_check(
    paths: Sequence[Path],
    *,
    as_json: bool = False,
    cell_timeout: float | None = None,
    answer_timeout: float | None = None,
    lessons: Iterable[Lesson] = LESSONS,
    solutions: Path = SOLUTIONS,
) -> int:
    """Check the notebooks at `paths`, folders included; return the exit code, 2 if any of them could not be checked."""
    results, errors = [], []
    out = console()
    for path in _notebooks(paths):
        if not as_json:
            out.print(str(relative(path)), style="bold")
        try:
            result = check_notebook(
                path,
                lessons=lessons,
                solutions=solutions,
                cell_timeout=cell_timeout,
                answer_timeout=answer_timeout,
                on_result=lambda result: None if as_json else _print_result(result),
            )
        except NotOfThisCourse as error:
            if path in paths:  # asked for by name, not found in a folder
                errors.append({"notebook": str(path), "error": str(error)})
            complain(str(error), "Error" if path in paths else "Skipped")
            continue
        except (NotebookError, CheckError) as error:
            errors.append({"notebook": str(path), "error": str(error)})
            complain(str(error))
            continue
        results.append(result)
        if not as_json:
            _print_sum(result)
    passed = bool(results) and not errors and all(result.passed for result in results)
    if as_json:
        content = {"passed": passed, "notebooks": [result.as_dict() for result in results], "errors": errors}
        sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    elif len(results) > 1:
        points, out_of = sum(result.points for result in results), sum(result.out_of for result in results)
        out.print(f"Together {points:g} of {out_of:g} points.", style="bold")
    return 2 if errors or not results else 0 if passed else 1


def _notebooks(paths: Sequence[Path]) -> list[Path]:
    """Return the notebooks named by `paths`; of a folder, all below it."""
    found = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist")
        inside = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
        inside = [file for file in inside if path == file or ".ipynb_checkpoints" not in file.parts]
        if not inside:
            raise UserError(f"there is no notebook (.ipynb) in {path}")
        found += inside
    return found


def _print_result(result: Result) -> None:
    sign, style = SIGNS[result.status]
    out = console()
    out.print(f"  {sign} ", style=style, end="")
    out.print(f"{result.exercise:<8}{result.title:<40} ", end="")
    out.print(f"{result.status:<9}", style=style, end="")
    out.print(f"{result.points:g} of {result.out_of:g}")
    if result.message:
        out.print(f"      {result.message}", style="dim" if result.status == "to do" else None)


def _print_sum(result: NotebookResult) -> None:
    out = console()
    for note in result.notes:
        out.print(f"  Note: {note}")
    passed = sum(exercise.passed for exercise in result.exercises)
    out.print(
        f"  {passed} of {len(result.exercises)} exercises passed, {result.points:g} of {result.out_of:g} points.",
        style="bold",
    )
