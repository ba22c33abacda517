"""What nbval has to know about this course's notebooks; any other notebook, and pytest without nbval, is left alone.

With the package installed, `pytest --nbval course/` just works:

- a check cell is compared with the pristine notebook in `solutions/`, never with what the learner's notebook has
  stored, so a notebook that was run and saved unsolved does not turn green; tags cannot switch a check off;
- an answer cell is run but its output not compared; when it fails or never ends, its stub takes its place, so that the
  cells after it still run and the other exercises still earn their points;
- figures printed with their limit (`recall@1 0.97, bar 0.90: met`) may differ, the rest of the line may not;
- a cell may take 300 s (`--nbval-cell-timeout` changes it), an answer cell 30 s (`--course-answer-timeout`), and a
  kernel that dies is noticed at once;
- warnings and progress bars (standard error) do not count, and nothing is written into the learner's progress.

This module is loaded in every pytest run of whoever has the course installed: it must import in milliseconds.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NBVAL_DEFAULT_TIMEOUT = 2000.0
CELL_TIMEOUT = 300.0
ANSWER_TIMEOUT = 30.0


def pytest_addoption(parser):
    """Add the course's options to nbval's."""
    group = parser.getgroup("nbval", "Jupyter Notebook validation")
    group.addoption(
        "--course-answer-timeout",
        type=float,
        default=ANSWER_TIMEOUT,
        metavar="SECONDS",
        help="how long an answer cell of the multimodal course may run (default: %(default)g s)",
    )
    group.addoption("--course-pristine", metavar="FILE", help="the pristine notebook, where it is not in solutions/")
    group.addoption("--course-report", metavar="FILE", help="append a line of JSON for each cell that was run")
    group.addoption("--course-folder", metavar="FOLDER", help="run the notebooks in FOLDER, not in their own")


def pytest_configure(config):
    """Take part only where nbval does."""
    option = config.option
    if getattr(option, "nbval", False) or getattr(option, "nbval_lax", False):
        config.pluginmanager.register(CourseNotebooks(config), "multimodal-course-notebooks")


class CourseNotebooks:
    """The hooks, for one pytest session."""

    def __init__(self, config):
        self.option = config.option
        self.pristine: dict[Path, dict[tuple[str, str], object]] = {}  # by file, then by kind and exercise

    def pytest_itemcollected(self, item):
        """Give a check cell its expected output, and an answer cell its stub."""
        from nbval.plugin import IPyNbCell

        if not (isinstance(item, IPyNbCell) and _course(item.parent.nb.metadata)):
            return
        from utils.publishing.verdicts import MASKS

        item.course = _course(item.cell.metadata)
        item.kind = next((kind for kind in ("answer", "check") if kind in item.course), "other")
        item.exercise = item.course.get(item.kind, "")
        item.parent.sanitize_patterns.update(MASKS)
        if "stderr" not in item.parent.skip_compare:
            item.parent.skip_compare += ("stderr",)
        if item.kind == "other":
            return
        try:
            expected = self._pristine_cell(item)
        except LookupError as error:
            _refuse(item, str(error))
            return
        item.options = defaultdict(bool, check=item.kind == "check")
        if item.kind == "check":
            item.cell.source = expected.source
            item.cell.outputs, item.cell.execution_count = expected.outputs, expected.execution_count
            _compare_verdicts(item)
        else:
            item.pristine_source = expected.source
            item.cell.outputs, item.cell.execution_count = [], None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        """Start the kernel with the learner's progress switched off, and watch over it."""
        if not hasattr(item, "course"):
            return (yield)
        with _environment(COURSE_PROGRESS="off", TQDM_DISABLE="1"):  # bars are for eyes, not for outputs
            result = yield
        kernel = item.parent.kernel
        if not hasattr(kernel, "watched"):
            _watch(kernel)
            if self.option.course_folder:
                _run_quietly(kernel, f"import os; os.chdir({self.option.course_folder!r}); del os")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """Run the cell within its time; where an answer fails, let its stub take its place."""
        if not hasattr(item, "course"):
            return (yield)
        given = self.option.nbval_cell_timeout
        limit = CELL_TIMEOUT if given == NBVAL_DEFAULT_TIMEOUT else given
        if item.kind == "answer":
            limit = min(limit, self.option.course_answer_timeout)
        self.option.nbval_cell_timeout = item.time_limit = limit
        begun = time.monotonic()
        try:
            return (yield)
        finally:
            self.option.nbval_cell_timeout = given
            item.seconds = time.monotonic() - begun
            item.timed_out = item.parent.timed_out
            item.died = not item.parent.kernel.is_alive()
            if not item.died:
                item.parent.timed_out = False  # interrupted, and ready for the next cell
                self._restore(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Write down how the cell went, for `course check`."""
        report = yield
        if hasattr(item, "course") and self.option.course_report and (call.when == "call" or report.failed):
            with Path(self.option.course_report).open("a", encoding="utf-8") as file:
                file.write(json.dumps(_record(item, report)) + "\n")
        return report

    def _pristine_cell(self, item):
        """Return the pristine cell of the item's kind and exercise. Raises LookupError, with what to say."""
        path = self._pristine_path(item)
        if path not in self.pristine:
            import nbformat

            try:
                notebook = nbformat.read(path, as_version=4)
            except (OSError, ValueError) as error:
                raise LookupError(f"no pristine notebook to check against ({error}): run `course build`") from error
            cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
            self.pristine[path] = {
                (kind, _course(cell.metadata)[kind]): cell
                for cell in cells
                for kind in ("answer", "check")
                if kind in _course(cell.metadata)
            }
        try:
            return self.pristine[path][item.kind, item.exercise]
        except KeyError:
            raise LookupError(f"{path} has no {item.kind} cell for {item.exercise!r}") from None

    def _pristine_path(self, item) -> Path:
        if self.option.course_pristine:
            return Path(self.option.course_pristine)
        from utils.lessons import find_lesson

        return find_lesson(str(_course(item.parent.nb.metadata).get("lesson"))).solution

    def _restore(self, item) -> None:
        """Define the names of an answer cell that failed, as its stub does."""
        if item.kind != "answer" or not _failed(item):
            return
        from utils.publishing.regions import clear_solution

        _run_quietly(item.parent.kernel, clear_solution(item.pristine_source, item.exercise))


def _course(metadata) -> dict:
    """Return the course's part of a notebook's or cell's metadata, which a learner may have edited."""
    course = metadata.get("course")
    return course if isinstance(course, dict) else {}


def _refuse(item, message: str) -> None:
    """Let the item fail with `message` in place of being run."""

    def runtest():
        pytest.fail(message, pytrace=False)

    item.runtest = runtest


def _compare_verdicts(item) -> None:
    """Let the printed verdict decide: neither the picture beside it nor what the answer itself prints counts."""
    from utils.publishing.verdicts import find_verdict, output_text

    compare = item.compare_outputs

    def compare_outputs(test, reference, skip_compare=None):
        expected = find_verdict(output_text(reference), item.exercise)
        printed = find_verdict(output_text(test), item.exercise)
        same = compare(test, reference, skip_compare or (*item.parent.skip_compare, "text/html"))
        if expected is None:
            return same
        return printed is not None and printed.line == expected.line

    item.compare_outputs = compare_outputs


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _watch(kernel) -> None:
    """Let `kernel.await_reply` notice within a second that the kernel has died; nbval waits its whole time limit."""
    from queue import Empty

    await_reply = kernel.await_reply

    def await_reply_of_the_living(msg_id, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            patience = 1.0 if end is None else min(1.0, end - time.monotonic())
            try:
                return await_reply(msg_id, timeout=max(patience, 0))
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError("the kernel died while it ran this cell") from None
                if end is not None and time.monotonic() >= end:
                    raise

    kernel.await_reply = await_reply_of_the_living
    kernel.watched = True


def _run_quietly(kernel, source: str) -> None:
    """Run `source` in the kernel; what it prints belongs to no cell, and an error in it shows in the cells after it."""
    from queue import Empty

    message = kernel.execute_cell_input(source, allow_stdin=False)
    try:
        kernel.await_reply(message, timeout=10)
        kernel.await_idle(message, 5)
    except (Empty, RuntimeError):
        pass


def _failed(item) -> bool:
    """Say whether the cell ended in an error; an item that never got that far has no outputs."""
    return item.timed_out or any(output.output_type == "error" for output in item.test_outputs or [])


def _record(item, report) -> dict:
    """Return what `course check` wants to know about one cell that was run."""
    from utils.publishing.verdicts import output_summary, output_text

    outputs = item.test_outputs or []
    error = next((output for output in outputs if output.output_type == "error"), None)
    return {
        "when": report.when,
        "id": item.cell.get("id", ""),
        "kind": item.kind,
        "exercise": item.exercise,
        "passed": report.passed and not getattr(item, "timed_out", False),
        "text": output_text(outputs)[-10_000:],
        "earned": output_summary(outputs, item.exercise).get("earned", 0),
        "error": error and {"name": error.ename, "message": error.evalue, "line": _line(error.traceback)},
        "reason": "" if error or report.passed else str(report.longrepr)[:2000],
        "seconds": round(getattr(item, "seconds", 0.0), 3),
        "time_limit": getattr(item, "time_limit", None),
        "timed_out": getattr(item, "timed_out", False),
        "died": getattr(item, "died", False),
    }


def _line(traceback: list[str]) -> int | None:
    """Return the line of the cell's own code in which an error was raised, or None."""
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(traceback))
    found = re.search(r"^Cell In\[\d*\], line (\d+)|Cell In ?\[?\d*\]?:(\d+)", text, re.MULTILINE)
    return int(found[1] or found[2]) if found else None
