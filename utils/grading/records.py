"""What the parts of the grader hand to one another: a submission, and the grade that it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["passed", "not yet", "crashed", "too slow", "to do", "not graded"]
"""How an exercise ended. "not graded" is the course's own fault, such as an exercise without a definition."""

NOTEBOOK_LIMIT = 32_000_000
"""Bytes of the largest notebook that is graded; those of the course have less than a tenth of it with all outputs."""


class SubmissionError(ValueError):
    """Something handed in cannot be used; the message names the file and says what to do about it."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One notebook that one person handed in.

    `learner` is the identifier under which the gradebook keeps the person, `name` what the platform shows. `source`
    tells people where it came from ("week1.zip: ada_17_93_start.ipynb") and is unique within a class. `read()` returns
    the notebook's bytes, untrusted, at most `NOTEBOOK_LIMIT` of them, and raises `SubmissionError`. `attempt` counts
    a person's submissions of a file name from 1 where the platform numbers them. `platform` holds the identifiers
    that an export must give back ("canvas_user", "moodle_participant", "email").
    """

    learner: str
    source: str
    read: Callable[[], bytes]
    name: str = ""
    submitted: datetime | None = None
    late: bool = False
    attempt: int = 1
    platform: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """Something that was handed in and is not a notebook that could be graded: where it lay, and why."""

    source: str
    problem: str
    learner: str = ""


@dataclass(frozen=True, kw_only=True)
class ExerciseGrade:
    """What one exercise was given.

    `feedback` is for the learner and tells nothing of the hidden cases; `misconception` is the name of the known
    mistake that was recognised, or "". `groups` says of each part of the exercise whether it passed, where it has
    parts. `answer` is the source that was graded, "" where nothing was answered.
    """

    exercise: str
    title: str
    status: Status
    earned: float
    points: float
    feedback: str = ""
    misconception: str = ""
    groups: Mapping[str, bool] = field(default_factory=dict)
    answer: str = ""


@dataclass(frozen=True, kw_only=True)
class Grade:
    """What one submission was given: its lesson, its exercises in order, notes, and `seconds`, the time it took.

    With a `problem` nothing could be graded: a sentence that names the file and says what to do. All but `seconds`
    follows from the submission, the course and the nonce alone.
    """

    lesson: str
    exercises: tuple[ExerciseGrade, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    seconds: float = 0.0

    @property
    def earned(self) -> float:
        """The points earned."""
        return round(sum(exercise.earned for exercise in self.exercises), 2)

    @property
    def points(self) -> float:
        """The points that can be earned."""
        return sum(exercise.points for exercise in self.exercises)

    def as_dict(self) -> dict[str, Any]:
        """Return the whole as plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Grade:
        """Return the grade that `as_dict` made `data` from."""
        exercises = tuple(ExerciseGrade(**exercise) for exercise in data["exercises"])
        return cls(**{**data, "exercises": exercises, "notes": tuple(data["notes"])})
