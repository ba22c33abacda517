"""Grade a class: what was handed in goes to the executor, and what comes back into the gradebook, one at a time.

Only this process writes the gradebook. It can be stopped at any point: what is recorded is kept, and what is not is
graded when it is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from utils.grading.executors import Executor, Job
from utils.grading.exporting import export_class
from utils.grading.gradebook import Entry, Gradebook, Keep, rank
from utils.grading.records import Grade, Submission, SubmissionError, Unusable
from utils.grading.reports import write_reports
from utils.grading.results import ClassResults, class_results
from utils.grading.similarity import similar_answers
from utils.lessons import LESSONS
from utils.publishing.submission import NotebookError, find_lesson_of, parse_notebook

Late = Literal["accept", "zero"]
LATE_NOTE = "Handed in late: in this class that earns no points."


@dataclass(frozen=True)
class Only:
    """Which submissions to look at: those of any of `people` and, where given, of any of `lessons`.

    A person is told by learner, name or source, with * and ? as in file names; a lesson by its id, such as "2.3".
    """

    people: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Only:
        """Sort `names` into lessons and people."""
        names = tuple(names)
        known = {lesson.id for lesson in LESSONS}
        return cls(
            people=tuple(name for name in names if name not in known),
            lessons=tuple(name for name in names if name in known),
        )

    def takes(self, item: Submission | Unusable) -> bool:
        """Whether `item` is asked for. Of what is no notebook of the course, the lesson is not known: it is not."""
        return self._takes_person(item) and (not self.lessons or _lesson(item) in self.lessons)

    def _takes_person(self, item: Submission | Unusable) -> bool:
        if not self.people:
            return True
        called = {name.casefold() for name in (item.learner, item.source, getattr(item, "name", "")) if name}
        patterns = [wanted.casefold().replace("[", "[[]") for wanted in self.people]  # a bracket is a bracket
        return any(fnmatchcase(name, pattern) for name in called for pattern in patterns)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How it went, by source: what was graded now, what before and has not changed since, what holds no notebook."""

    graded: frozenset[str]
    kept: frozenset[str]
    unusable: frozenset[str]

    @property
    def sources(self) -> frozenset[str]:
        """All that was looked at."""
        return self.graded | self.kept | self.unusable


def grade_class(
    items: Iterable[Submission | Unusable],
    gradebook: Gradebook,
    executor: Executor,
    *,
    only: Only = Only(),
    regrade: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Grade what the gradebook does not have yet, and record each result as it comes, problems too.

    With `regrade`, what it has is graded anew. `on_progress(done, total)` is called at first and after each item. No
    more notebooks are in memory than the executor has use for. Raises `ExecutorError` and `GradebookError`; what was
    recorded stays.
    """
    chosen = [item for item in items if only.takes(item)]
    if regrade:
        gradebook.forget(item.source for item in chosen)
    graded, kept, unusable = set(), set(), set()
    begun: dict[Future[Grade], tuple[Submission, str]] = {}

    def done(item: Submission | Unusable, how: set[str]) -> None:
        how.add(item.source)
        on_progress(len(graded) + len(kept) + len(unusable), len(chosen))

    def record_finished() -> None:
        finished, _ = wait(begun, return_when=FIRST_COMPLETED)
        for future in finished:
            submission, digest = begun.pop(future)
            gradebook.record(submission, digest, future.result())
            done(submission, graded)

    on_progress(0, len(chosen))
    for item in chosen:
        try:
            content = _read(item)
        except SubmissionError as error:
            gradebook.record_unusable(Unusable(source=item.source, problem=str(error), learner=item.learner))
            done(item, unusable)
            continue
        digest = hashlib.sha256(content).hexdigest()
        if gradebook.has(item.source, digest):
            done(item, kept)
            continue
        begun[executor.submit(Job(content=content, source=item.source, nonce=gradebook.nonce))] = item, digest
        while len(begun) >= executor.capacity:
            record_finished()
    while begun:
        record_finished()
    return Summary(graded=frozenset(graded), kept=frozenset(kept), unusable=frozenset(unusable))


def _read(item: Submission | Unusable) -> bytes:
    """Return the notebook's bytes. Raises `SubmissionError` where there are none that could be used."""
    if isinstance(item, Unusable):
        raise SubmissionError(item.problem)
    return item.read()


def results_so_far(
    gradebook: Gradebook, *, keep: Keep = "latest", late: Late = "accept", gone: Callable[[str], bool] = lambda _: False
) -> ClassResults:
    """Return what counts of all that the gradebook holds, for the exports.

    With `late="zero"` a late submission counts only where there is none in time, and earns nothing. Problems of
    sources that are `gone`, such as a damaged file that was taken away, are left out.
    """
    entries = gradebook.entries(keep)
    if late == "zero":
        in_time = [entry for entry in gradebook.entries("all") if not (entry.late or entry.grade.problem)]
        entries = [_without_late(entry, in_time, keep) for entry in entries]
    return class_results(entries, [problem for problem in gradebook.problems() if not gone(problem.source)])


def write_class(results: ClassResults, folder: Path) -> tuple[str, ...]:
    """Write every file and page of a class to `folder`; return what the instructor should know, a sentence each.

    Raises `ExportError` where a file cannot be written, and NotebookError where the course itself is not whole.
    """
    exported = export_class(results, folder)
    write_reports(results, folder, similar_answers(results))
    return exported.notices


def _without_late(entry: Entry, in_time: Iterable[Entry], keep: Keep) -> Entry:
    """Return what stands for a late entry: another of the same work that was in time, else itself with no points."""
    if not entry.late:
        return entry
    others = [other for other in in_time if (other.learner, other.grade.lesson) == (entry.learner, entry.grade.lesson)]
    if others:
        return max(others, key=lambda other: rank(other, keep))
    exercises = tuple(replace(exercise, earned=0.0) for exercise in entry.grade.exercises)
    return replace(entry, grade=replace(entry.grade, exercises=exercises, notes=(*entry.grade.notes, LATE_NOTE)))


def _lesson(item: Submission | Unusable) -> str:
    """The lesson that a notebook belongs to, "" if it is of none."""
    try:
        return find_lesson_of(parse_notebook(_read(item), Path(item.source)), LESSONS).id
    except (SubmissionError, NotebookError):
        return ""
