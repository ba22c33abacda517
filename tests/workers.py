"""How `pytest -n 2` deals the tests out: what goes to one worker together, and what is begun first."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

SPREAD = {"tests/notebooks/test_lessons.py", "tests/browser/test_lessons_in_lab.py"}
"""Files in which every parameter, a lesson, may go to another worker. Any other file's tests stay together."""

FIRST = (
    "tests/notebooks/test_lessons.py",
    "tests/browser/test_lessons_in_lab.py",
    "tests/grading/test_grader.py",
    "tests/exercises/test_every_exercise.py",
    "tests/publishing/test_course_check.py",
    "tests/grading/test_nbgrader.py",
    "tests/browser/test_widgets_in_lab.py",
    "tests/grading/test_fuzz.py",
    "tests/hostile/test_hostile_notebooks.py",
    "tests/benchmarks/test_grading_speed.py",
    "tests/grading/test_autograder.py",
    "tests/publishing/test_building.py",
)
"""The files that take most of a minute or more, longest first: were one begun last, the other workers would wait."""


class Scheduler(LoadScopeScheduling):
    """Deals out whole files, for what a module's tests share (a notebook in a browser, say) is made once a worker."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of what the test `nodeid` belongs to: a file, or a parameter of a file in `SPREAD`."""
        file, _, test = nodeid.partition("::")
        return f"{file}[{test.partition('[')[2]}" if file in SPREAD else file

    def _assign_work_unit(self, node) -> None:
        """Give `node` what is longest of all that waits; xdist itself begins with what has the most tests."""
        self.workqueue.move_to_end(min(self.workqueue, key=place), last=False)
        super()._assign_work_unit(node)


def place(unit: str) -> int:
    """Return the place of a file, or of a parameter of it, in `FIRST`; what is not there comes after all of it."""
    file = unit.partition("[")[0]
    return FIRST.index(file) if file in FIRST else len(FIRST)
