"""nbgrader for a class that uses it: what a course's `nbgrader_config.py` needs, so that it can handle these lessons.

    from utils.grading.nbgrader_config import configure

    configure(get_config())

Then `nbgrader generate_assignment` releases a lesson's notebook as `course build` made it, from either tree; autograde,
export and the formgrader work as ever. The rest of the class's assignments are treated as before. What nbgrader does
not withstand is in the README.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearOutput, ClearSolutions
from traitlets.config import Config

from utils.lessons import LESSONS
from utils.publishing.execution import CELL_TIMEOUT
from utils.publishing.trees import learner_notebook


class ClearLessonSolutions(ClearSolutions):
    """Makes of a lesson's notebook the learner's.

    nbgrader's own way would put `raise NotImplementedError()` in place of each answer cell, its signature included,
    and so stop Run All at the first answer that is a value.
    """

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook without solutions; one that is not of this course is left to nbgrader's own way."""
        if is_lesson(nb):
            return learner_notebook(nb), resources
        return super().preprocess(nb, resources)


class ClearOtherOutput(ClearOutput):
    """Leaves a lesson's outputs: a check cell shows the line to aim for, and answers and spoilers have none by now."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook, without outputs unless it is of this course."""
        return (nb, resources) if is_lesson(nb) else super().preprocess(nb, resources)


def is_lesson(notebook: NotebookNode) -> bool:
    """Whether `notebook` is one of this course."""
    return "lesson" in notebook.metadata.get("course", {})


def configure(c: Config) -> None:
    """Set up nbgrader's configuration `c` for these lessons. What the class's own file sets below this call wins."""
    ours = {ClearSolutions: ClearLessonSolutions, ClearOutput: ClearOtherOutput}
    steps = GenerateAssignment.class_traits()["preprocessors"].default()
    c.GenerateAssignment.preprocessors = [ours.get(step, step) for step in steps]
    # the source of a lesson holds its solutions: beside a notebook, it would be copied into the release
    c.CourseDirectory.ignore.extend([f"{Path(lesson.path).name}.py" for lesson in LESSONS])
    c.Execute.timeout = int(CELL_TIMEOUT)  # some cells train a model, and nbgrader's limit is 30 s
    # a submission may tag its check cells with this, and whatever is not run is given full points; there is no "never"
    c.Execute.skip_cells_with_tag = secrets.token_hex()
    c.OverwriteCells.add_missing_cells = True  # a learner who deleted a check cell has answered all the same
