"""A class of 200 that `fake_grader` grades. `python fake_class.py FOLDER` grades it, and may be killed at any time."""

import sys
from pathlib import Path

import fake_grader

from utils.grading.executors import LocalExecutor
from utils.grading.gradebook import Gradebook
from utils.grading.records import Submission, Unusable
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
            text = "unusable" if number % 50 == 10 else f"points {number % 3}" if number % 2 else "sleep 0.02"
            items.append(submission(text, learner))
    return items


def run(folder: Path) -> Summary:
    """Grade the class into a gradebook in `folder`, or go on with it."""
    with (
        Gradebook.open(folder / "gradebook.sqlite", nonce=NONCE) as gradebook,
        LocalExecutor(2, grader=fake_grader.NAME) as executor,
    ):
        return grade_class(whole_class(), gradebook, executor)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
