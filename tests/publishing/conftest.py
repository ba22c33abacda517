"""A toy course, built once for all tests, and learners' notebooks made from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toy

from utils.publishing.building import build


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The toy course, built; its files are read only."""
    course = toy.write_source(tmp_path_factory.mktemp("toy"))
    build(**course.options)
    return course


@pytest.fixture
def learner(built, tmp_path):
    """A function that saves the learner's notebook with the given answers, by exercise, and returns its path."""

    def save(answers: dict[str, str], *, edit=lambda notebook: None, name: str = "my copy.ipynb") -> Path:
        notebook = json.loads(built.notebook.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            exercise = cell["metadata"].get("course", {}).get("answer")
            if exercise in answers:
                cell["source"] = answers[exercise]
        edit(notebook)
        path = tmp_path / name
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return path

    return save
