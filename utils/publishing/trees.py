"""The two trees: a run notebook made fit for `solutions/`, and from it the learner's for `course/`."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from utils.publishing.problems import Problem
from utils.publishing.regions import clear_solution
from utils.publishing.verdicts import find_verdict, joined, mask_measured, output_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{4,}", re.IGNORECASE)
_PROGRESS_BAR = re.compile(r"\d%\|")


def tidy(notebook: NotebookNode) -> list[Problem]:
    """Strip from a notebook that has just run what differs from run to run; return what must not be stored at all.

    The problems name no file, since only the caller knows it.
    """
    notebook.metadata.get("language_info", {}).pop("version", None)
    notebook.metadata.pop("widgets", None)
    problems = []
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        has_widget = any(WIDGET_VIEW in output.get("data", {}) for output in cell.outputs)
        if has_widget and "widget" not in cell.metadata.get("tags", []):
            problems.append(Problem(Path(), 'shows a widget: tag the cell tags=["widget"]', cell.id))
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET_VIEW, None)  # its model is gone with the kernel; the still picture stays
            output.pop("transient", None)
        cell.outputs = [output for output in cell.outputs if output.get("data", True)]
        problems += [Problem(Path(), message, cell.id) for message in _unwelcome(cell)]
    return problems


def _unwelcome(cell: NotebookNode) -> Iterator[str]:
    """Yield what is wrong with the outputs of `cell` as stored."""
    for output in cell.outputs:
        text = "\n".join(_texts(output))
        if _PROGRESS_BAR.search(text):
            yield "a progress bar in the stored output"
        elif output.output_type == "stream" and output.name == "stderr":
            yield f"stderr in the stored output: {text.strip().splitlines()[-1] if text.strip() else '(empty)'}"
        if _ADDRESS.search(text):
            yield f"an object's address in the stored output ({_ADDRESS.search(text)[0]}): print something that stays"
    check = cell.metadata.get("course", {}).get("check")
    if check and cell.execution_count is not None:
        verdict = find_verdict(output_text(cell.outputs), check)
        if verdict is None or verdict.status != "passed":
            printed = output_text(cell.outputs).strip() or "no output"
            yield f"the check of {check} does not pass its solution: {printed}"


def _texts(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "stream":
        yield joined(output.text)
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/"):
            yield joined(value)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells of `notebook`."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def learner_notebook(solution: NotebookNode) -> NotebookNode:
    """Return what the learner opens: stubs for solutions, answers and spoilers without output, nbgrader's locks.

    Check cells and all others keep their outputs. Cells and ids are those of `solution`, which is left as it is.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ComputeChecksums, LockCells

    notebook = copy.deepcopy(solution)
    for cell in code_cells(notebook):
        answer = cell.metadata.get("course", {}).get("answer")
        if answer:
            cell.source = clear_solution(cell.source, answer)
        if answer or "spoiler" in cell.metadata.get("tags", []):
            cell.outputs, cell.execution_count = [], None
    for preprocessor in (ClearHiddenTests(), LockCells(), ComputeChecksums()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook


def graft(notebook: NotebookNode, stored: NotebookNode) -> None:
    """Give the code cells of `notebook` the outputs of the cells in `stored` that have the same id and source."""
    known = {cell.id: cell for cell in code_cells(stored)}
    for cell in code_cells(notebook):
        old = known.get(cell.id)
        if old is not None and old.source == cell.source:
            cell.outputs, cell.execution_count = copy.deepcopy(old.outputs), old.execution_count


def comparable(cell: NotebookNode) -> list:
    """Return the outputs of `cell` as they must be the same on every machine: no pixels, no measured figures."""
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return []
    outputs = []
    for output in copy.deepcopy(cell.outputs):
        if "text" in output:
            output.text = mask_measured(output.text)
        for kind, value in output.get("data", {}).items():
            if kind.startswith("image/"):
                output.data[kind] = "pixels"
            elif isinstance(value, str):
                output.data[kind] = mask_measured(value)
        outputs.append(output)
    return outputs


def dumps(notebook: NotebookNode) -> str:
    """Return `notebook` as the text of its file; raises nbformat's `ValidationError` if it is not a notebook."""
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write_all(texts: dict[Path, str]) -> None:
    """Write every text to its path, or none: files are complete beside their place before the first is moved there."""
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in texts}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_text(text, encoding="utf-8", newline="\n")
        for path in texts:
            os.replace(temporary[path], path)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
