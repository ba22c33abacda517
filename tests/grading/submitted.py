"""Notebooks of lesson 0.1 as people hand them in: right, wrong, and hostile in the ways that graders fall for."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from utils.lessons import find_lesson

LESSON = find_lesson("0.1")
POINTS = 4

RIGHT = {
    "0.1.1": "def brightness(picture):\n    return picture.float().mean().item() / 255",
    "0.1.2": "byte = 4",
    "0.1.3": 'choice = ("b", 1)',
}
WRONG = {
    "0.1.1": "def brightness(picture):\n    return picture.float().mean().item()",
    "0.1.2": "byte = 260",
    "0.1.3": 'choice = ("a", 2)',
}


def also(answers: Mapping[str, str], code: str) -> dict[str, str]:
    """Return `answers` with `code` below the first of them."""
    return {**answers, "0.1.1": f"{answers['0.1.1']}\n\n{code}"}


NO_CHECK = also(WRONG, "check = lambda *anything: None")
ALL_IS_CLOSE = also(
    WRONG,
    "import numpy\ntorch.allclose = torch.equal = numpy.allclose = numpy.array_equal = lambda *a, **k: True",
)
ALL_IS_EQUAL = also(
    WRONG,
    "from utils.exercises import judging\njudging.find_difference = judging._compare_choice = lambda *anything: None",
)
READS_REFERENCE = {
    number: f'{name} = find_exercise("{number}").reference'
    for number, name in (("0.1.1", "brightness"), ("0.1.2", "byte"), ("0.1.3", "choice"))
}
WARNS = {
    **RIGHT,
    "0.1.1": "import warnings\n\n\ndef brightness(picture):\n    warnings.warn('a slow way')\n"
    "    return picture.float().mean().item() / 255",
}
LOGS = {
    **RIGHT,
    "0.1.1": "import logging\n\nlogging.basicConfig()\n\n\ndef brightness(picture):\n"
    "    logging.warning('a slow way')\n    return picture.float().mean().item() / 255",
}
LOOPS = {**RIGHT, "0.1.1": "def brightness(picture):\n    while True:\n        pass"}
EXITS = {**RIGHT, "0.1.2": "import os\n\nos._exit(0)"}


def is_check(cell: dict) -> bool:
    """Whether `cell` is a check cell."""
    return "check" in cell["metadata"].get("course", {})


def skip_checks(notebook: dict) -> None:
    """Tag the check cells so that nbclient does not run them."""
    for cell in filter(is_check, notebook["cells"]):
        cell["metadata"]["tags"] = ["skip-execution"]


def delete_checks(notebook: dict) -> None:
    """Take the check cells away."""
    notebook["cells"] = [cell for cell in notebook["cells"] if not is_check(cell)]


def copy_check(notebook: dict) -> None:
    """Have the first check cell twice, as a slip of the keyboard does."""
    index = next(index for index, cell in enumerate(notebook["cells"]) if is_check(cell))
    notebook["cells"].insert(index, copy.deepcopy(notebook["cells"][index]))


def notebook(answers: Mapping[str, str], edit: Callable[[dict], None] = lambda notebook: None) -> str:
    """Return the learner's notebook with `answers` by exercise, changed by `edit`, as the text of its file."""
    content = json.loads(LESSON.notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        exercise = cell["metadata"].get("course", {}).get("answer")
        if exercise in answers:
            cell["source"] = answers[exercise]
    edit(content)
    return json.dumps(content)


def save(path: Path, answers: Mapping[str, str], edit: Callable[[dict], None] = lambda notebook: None) -> Path:
    """Write the notebook that `notebook` makes to `path`, its folder included, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook(answers, edit), encoding="utf-8")
    return path
