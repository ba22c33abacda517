"""Grade a class: what was handed in goes to the executor, and what comes back into the gradebook, one at a time.

Only this process writes the gradebook. It can be stopped at any point: what is recorded is kept, and what is not is
graded when it is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from utils.grading.executors import Executor, Job
from utils.grading.gradebook import Gradebook
from utils.grading.records import Grade, Submission, SubmissionError, Unusable
from utils.lessons import LESSONS
from utils.publishing.submission import NotebookError, find_lesson_of, parse_notebook


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
    """How it went: the number of submissions graded now, graded before and the same, and not usable at all."""

    graded: int = 0
    kept: int = 0
    unusable: int = 0

    @property
    def total(self) -> int:
        """How many were looked at."""
        return self.graded + self.kept + self.unusable


def grade_class(
    items: Iterable[Submission | Unusable],
    gradebook: Gradebook,
    executor: Executor,
    *,
    only: Only = Only(),
    regrade: bool = False,
    on_done: Callable[[Submission | Unusable], None] = lambda item: None,
) -> Summary:
    """Grade what the gradebook does not have yet, and record each result as it comes, problems too.

    With `regrade`, what it has is graded anew. `on_done` is called after each item. No more notebooks are held in
    memory than the executor has use for. Raises `ExecutorError` and `GradebookError`; what was recorded stays.
    """
    chosen = [item for item in items if only.takes(item)]
    if regrade:
        gradebook.forget(item.source for item in chosen)
    count = dict.fromkeys(("graded", "kept", "unusable"), 0)

    def settle(item: Submission | Unusable, how: str) -> None:
        count[how] += 1
        on_done(item)

    begun: dict[Future[Grade], tuple[Submission, str]] = {}

    def record_finished() -> None:
        finished, _ = wait(begun, return_when=FIRST_COMPLETED)
        for future in finished:
            submission, digest = begun.pop(future)
            gradebook.record(submission, digest, future.result())
            settle(submission, "graded")

    for item in chosen:
        if isinstance(item, Unusable):
            gradebook.record_unusable(item)
            settle(item, "unusable")
            continue
        try:
            content = item.read()
        except SubmissionError as error:
            gradebook.record_unusable(Unusable(source=item.source, problem=str(error), learner=item.learner))
            settle(item, "unusable")
            continue
        digest = hashlib.sha256(content).hexdigest()
        if gradebook.has(item.source, digest):
            settle(item, "kept")
            continue
        begun[executor.submit(Job(content=content, source=item.source, nonce=gradebook.nonce))] = item, digest
        while len(begun) >= executor.capacity:
            record_finished()
    while begun:
        record_finished()
    return Summary(**count)


def _lesson(item: Submission | Unusable) -> str:
    """The lesson that a notebook belongs to, "" if it is of none."""
    if isinstance(item, Unusable):
        return ""
    try:
        return find_lesson_of(parse_notebook(item.read(), Path(item.source)), LESSONS).id
    except (SubmissionError, NotebookError):
        return ""
