"""The course map as data: every lesson with its title, question, minutes and the concepts it makes runnable.

Exercise `2.3.1` is the first exercise of lesson `2.3`, which is notebook `3_...` in chapter `2_...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COURSE, SOLUTIONS, ASSETS = ROOT / "course", ROOT / "solutions", ROOT / "assets"


@dataclass(frozen=True)
class Lesson:
    """One notebook: `id` as in exercise numbers, `path` without suffix below `course/` and `solutions/`."""

    id: str
    path: str
    title: str
    question: str
    minutes: int
    concepts: tuple[str, ...] = ()
    builds_on: tuple[str, ...] = ()

    @property
    def source(self) -> Path:
        """The one source, jupytext percent format."""
        return SOLUTIONS / f"{self.path}.py"

    @property
    def solution(self) -> Path:
        """The executed notebook with its solutions (generated)."""
        return SOLUTIONS / f"{self.path}.ipynb"

    @property
    def notebook(self) -> Path:
        """The learner's notebook (generated)."""
        return COURSE / f"{self.path}.ipynb"


LESSONS = (
    Lesson(
        id="0.1",
        path="0_start/1_start_here",
        title="Start here",
        question="Is this machine ready, and how does the course work?",
        minutes=15,
    ),
    Lesson(
        id="1.1",
        path="1_overview/1_what_is_a_modality",
        title="What is a modality?",
        question="What does a computer hold when it holds a picture, a sentence or a record of the same scene?",
        minutes=40,
        concepts=("A1.1", "A1.5"),
        builds_on=("0.1",),
    ),
    Lesson(
        id="2.3",
        path="2_how_it_works/3_contrastive_alignment",
        title="Contrastive alignment",
        question="How can pictures and sentences learn to live in one space, from nothing but pairs?",
        minutes=75,
        concepts=("A2.10", "A2.11", "A3.1"),
        builds_on=("1.1",),
    ),
)


def find_lesson(identifier: str) -> Lesson:
    """Return the lesson called `identifier`, an id such as "2.3" or a path such as "0_start/1_start_here"."""
    for lesson in LESSONS:
        if identifier in (lesson.id, lesson.path):
            return lesson
    known = ", ".join(f"{lesson.id} ({lesson.path})" for lesson in LESSONS)
    raise KeyError(f"there is no lesson {identifier!r}; the lessons are {known}")
