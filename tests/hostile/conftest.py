"""One grader for all hostile notebooks: what an attack leaves behind would meet the next one."""

import contextlib
import os

import hostile_notebooks as notebooks
import pytest

from utils.exercises.registry import registered
from utils.grading.grader import Grader
from utils.grading.isolation import IsolationError

SECRET = "the-grader's-own-environment-5f1c"


@pytest.fixture(autouse=True)
def toys():
    """The toy exercises can be found."""
    with registered(*notebooks.TOY_EXERCISES):
        yield


@pytest.fixture(scope="session")
def grader(tmp_path_factory, worker):
    """A grader that also knows the toy lessons; there is a secret in its environment."""
    solutions = notebooks.write_solutions(tmp_path_factory.mktemp("solutions"))
    os.environ["COURSE_TEST_SECRET"] = SECRET
    with contextlib.ExitStack() as stack:
        stack.callback(os.environ.pop, "COURSE_TEST_SECRET", None)
        try:
            grader = stack.enter_context(Grader(slot=9300 + worker, lessons=notebooks.ALL_LESSONS, solutions=solutions))
        except IsolationError as error:
            pytest.skip(f"this machine does not isolate, so it refuses to grade: {error}")
        yield grader


@pytest.fixture
def grade(grader):
    """Grade a notebook. Afterwards the same processes run as before, and an honest one must have full points."""
    before = notebooks.descendants()

    def grade(book: notebooks.Book, nonce: str = "nonce"):
        return grader.grade(book.to_bytes(), "ada.ipynb", nonce)

    yield grade
    assert notebooks.descendants() == before
    after = grader.grade(notebooks.honest("0.1").to_bytes(), "honest.ipynb", "another nonce")
    assert (after.earned, after.points) == (4, 4), f"the honest submission after it: {after}"
