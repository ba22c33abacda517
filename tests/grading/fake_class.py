"""A class of 200 that `fake_grader` grades.

`python fake_class.py FOLDER` grades it, writes a dot for each grade that comes back, and may be killed at any time.
"""

import os
import sys
from concurrent.futures import Future
from pathlib import Path
from unittest import mock

import fake_grader

from utils.grading.executors import Job, LocalExecutor
from utils.grading.gradebook import Gradebook
from utils.grading.records import Grade, Submission, Unusable
from utils.grading.session import Summary, grade_class

NONCE = "0123456789abcdef" * 2
SIZE = 200


def submission(text: str, learner: str = "ada", **fields) -> Submission:
    """One notebook in the fake grader's language."""
    return Submission(learner=learner, read=text.encode, **{"source": f"{learner}.ipynb", **fields})


def whole_class() -> list[Submission | Unusable]:
    """Good, bad and unusable submissions, in the order in which they are found."""
    items: list[Submission | Unusable] = []
    for number in range(SIZE):
        learner = f"learner{number:03}"
        if number % 50 == 20:
            items.append(Unusable(source=f"{learner}.zip", problem=f"{learner}.zip is damaged", learner=learner))
        else:
            text = "unusable" if number % 50 == 10 else f"points {number % 3}" if number % 2 else "sleep 0.01"
            items.append(submission(text, learner))
    return items


class Telling(LocalExecutor):
    """Writes a dot for each grade that comes back."""

    def submit(self, job: Job) -> Future[Grade]:
        future = super().submit(job)
        future.add_done_callback(lambda _: os.write(1, b"."))
        return future


def run(folder: Path, executor: type[LocalExecutor] = LocalExecutor) -> Summary:
    """Grade the class into a gradebook in `folder`, or go on with it."""
    with (
        mock.patch("utils.grading.gradebook.fingerprint", return_value="no course"),  # the fake grader has none
        Gradebook.open(folder / "gradebook.sqlite", nonce=NONCE) as gradebook,
        executor(2, grader=fake_grader.NAME) as slots,
    ):
        return grade_class(whole_class(), gradebook, slots)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Telling)
