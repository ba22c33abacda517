"""The concepts of the source article and the cells that run them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from utils.concepts import COMPLETE, CONCEPTS, find_concept
from utils.lessons import LESSONS

IDS = [concept.id for concept in CONCEPTS]
# how many rows each section of the article has
ROWS = {"A1": 8, "A2": 21, "A3": 12, "A4": 20, "A5": 2, "A6": 10, "A7": 1}


def concepts_of(notebook: Path) -> dict[str, set[str]]:
    """The concepts that the cells of a notebook name, by kind of cell."""
    found = defaultdict(set)
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        found[cell["cell_type"]] |= set(cell["metadata"].get("course", {}).get("concepts", ()))
    return found


def run_in() -> dict[str, list[str]]:
    """The lessons in which a cell of code runs each concept."""
    found = defaultdict(list)
    for lesson in LESSONS:
        for concept in concepts_of(lesson.solution)["code"]:
            found[concept].append(lesson.id)
    return found


def gaps(sections: frozenset[str], covered: set[str]) -> list[str]:
    """The concepts of `sections` that no cell runs."""
    return [concept.id for concept in CONCEPTS if concept.section in sections and concept.id not in covered]


def test_every_row_of_the_article_is_there_once_in_its_order():
    assert [f"{section}.{row}" for section, rows in ROWS.items() for row in range(1, rows + 1)] == IDS


def test_every_concept_has_its_own_words_and_chinese_terms():
    assert len({concept.name for concept in CONCEPTS}) == len(CONCEPTS)
    for concept in CONCEPTS:
        assert concept.name
        assert re.search(r"[一-鿿]", concept.simplified)
        # the old national encodings know the characters of their own script only
        assert concept.simplified.encode("gb2312")
        assert concept.traditional.encode("big5")
        assert concept.simplified.count("、") == concept.traditional.count("、")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_lesson_names_only_concepts_that_there_are_and_in_cells_of_code(lesson):
    found = concepts_of(lesson.solution)
    assert found["code"] <= set(IDS), "see utils/concepts.py"
    assert not found["markdown"], "prose covers nothing: name the concept at the cell that runs it"
    assert concepts_of(lesson.notebook) == found


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_what_a_lesson_promises_on_the_course_map_is_run_in_it(lesson):
    assert set(lesson.concepts) <= concepts_of(lesson.solution)["code"]


def test_every_concept_of_a_complete_section_is_run(measured):
    covered = run_in()
    for section, rows in ROWS.items():
        here = [concept for concept in CONCEPTS if concept.section == section]
        run = [f"{concept.id} in {', '.join(covered[concept.id])}" for concept in here if concept.id in covered]
        measured(f"concepts {section}: {len(run)} of {rows} run{': ' + '; '.join(run) if run else ''}")
    assert set(COMPLETE) <= set(ROWS)
    assert gaps(COMPLETE, set(covered)) == []


def test_a_gap_would_be_found():
    assert gaps(frozenset({"A7"}), {"A1.1"}) == ["A7.1"]
    assert gaps(frozenset({"A5"}), {"A5.1", "A5.2"}) == []


def test_an_unknown_concept_is_named():
    assert find_concept("A2.10").simplified == "对比学习"
    with pytest.raises(KeyError, match=r"no concept 'A9.1'; they go from A1.1 to A7.1"):
        find_concept("A9.1")
