"""A class's grades as files: tables for people, Canvas and Moodle, results.json for Gradescope, JUnit XML, JSON lines.

What learners chose (names, file names, answers) is hostile until shown otherwise: a cell never begins a formula, and
nothing in a file breaks out of its format. `seconds` and the time of grading go nowhere, so that the same grades give
the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from utils.grading.gradebook import Entry
from utils.grading.records import ExerciseGrade, Grade
from utils.grading.results import ClassResults, lesson_title
from utils.grading.writing import file_stem, harmless, number, one_line, write_file

Format = Literal["csv", "canvas", "moodle", "gradescope", "junit", "jsonl"]

NOT_GRADED = "This could not be graded, by no fault of the answer; the instructor sees it too."


@dataclass(frozen=True)
class Exported:
    """The files that were written, and what the instructor should know about them, a sentence each."""

    files: tuple[Path, ...]
    notices: tuple[str, ...]


def export_class(results: ClassResults, folder: Path, formats: Iterable[Format] = get_args(Format)) -> Exported:
    """Write the class to `folder` in these formats, with the notices beside them in notices.txt.

    Each file is written whole or not at all, and not touched when it would not change. Raises `ExportError`, and
    ValueError for a format that there is not.
    """
    contents: dict[str, str] = {}
    notices = _class_notices(results)
    for name in formats:
        if name not in _WRITERS:
            raise ValueError(f"there is no format {name!r}; the formats are {', '.join(_WRITERS)}")
        contents |= _WRITERS[name](results, notices)
    contents["notices.txt"] = "".join(f"{notice}\n" for notice in notices) or "Nothing is left out.\n"
    for name, content in contents.items():
        # a spreadsheet takes UTF-8 for what it is only where it begins with a mark; the platforms need none
        write_file(folder / name, content.encode("utf-8-sig" if name == "grades.csv" else "utf-8"))
    return Exported(tuple(folder / name for name in contents), tuple(notices))


def safe_cell(text: str) -> str:
    """Return learners' text as a cell that no spreadsheet takes for a formula: an apostrophe keeps it text."""
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) else line


def gradescope_results(grade: Grade) -> dict[str, Any]:
    """Return what Gradescope reads from results.json (gradescope-autograders.readthedocs.io/en/latest/specs).

    All text is marked as plain text: nothing of it is taken for HTML or Markdown. All of it may be seen by the learner.
    """
    said = [f"{lesson_title(grade.lesson)}: {number(grade.earned)} of {number(grade.points)} points"]
    if grade.problem:
        said = [grade.problem]
    missing = [one.exercise for one in grade.exercises if one.status == "not graded"]
    if missing:
        said.append(f"{', '.join(missing)}: {NOT_GRADED}")
    return {
        "score": round(grade.earned, 2),
        "output": harmless("\n".join([*said, *grade.notes])),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "number": one.exercise,
                "name": _title(one),
                "name_format": "text",
                "score": round(one.earned, 2),
                "max_score": one.points,
                "status": "passed" if one.status == "passed" else "failed",
                "output": harmless(f"{one.status}\n{_said(one)}".strip()),
                "output_format": "text",
                "visibility": "visible",
            }
            for one in grade.exercises
        ],
    }


def to_json(data: Any, *, indent: int | None = None) -> str:
    """Return `data` as JSON of ASCII characters, the same for the same data. Raises ValueError for NaN and Infinity."""
    return json.dumps(data, indent=indent, sort_keys=True, allow_nan=False)


def _grades_csv(results: ClassResults, notices: list[str]) -> dict[str, str]:
    """One row a learner; an empty cell is an exercise that was not handed in, or not graded."""
    header = ["learner", "name"]
    for lesson, tasks in results.tasks.items():
        header += [*(f"exercise {task.exercise}" for task in tasks), f"lesson {lesson}", f"late {lesson}"]
    rows = [[*header, "total", "points possible", "not graded", "problems"]]
    for learner in results.learners:
        row = [safe_cell(learner.learner), safe_cell(learner.name)]
        for lesson, tasks in results.tasks.items():
            entry = learner.lessons.get(lesson)
            graded = {one.exercise: one for one in entry.grade.exercises} if entry else {}
            row += [_points(graded.get(task.exercise)) for task in tasks]
            row += [number(entry.grade.earned), "late" if entry.late else ""] if entry else ["", ""]
        problems = "; ".join(problem.problem for problem in learner.problems)
        totals = [number(learner.earned), number(results.points())]
        rows.append([*row, *totals, ", ".join(learner.not_graded), safe_cell(problems)])
    for problem in results.problems:
        if not problem.learner:  # belongs to nobody's row, and must be seen all the same
            rows.append([""] * (len(rows[0]) - 1) + [safe_cell(problem.problem)])
    return {"grades.csv": _csv(rows)}


def _canvas_csv(results: ClassResults, notices: list[str]) -> dict[str, str]:
    """The table that Canvas imports under Grades > Import (instructure/canvas-lms, lib/gradebook_importer.rb).

    A learner is found by ID. An empty score leaves what Canvas has. One assignment a lesson, by its title.
    """
    known = [learner for learner in results.learners if re.fullmatch("[0-9]+", learner.platform.get("canvas_user", ""))]
    if not known:
        return {}
    identifiers = {learner.learner for learner in known}
    left_out = [learner.learner for learner in results.learners if learner.learner not in identifiers]
    if left_out:
        notices.append(f"canvas.csv leaves out {_people(left_out)}: no Canvas ID is known of them.")
    lessons = list(results.tasks)
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *map(lesson_title, lessons)]]
    rows.append(["    Points Possible", "", "", "", "", *(number(results.points(lesson)) for lesson in lessons)])
    for learner in known:
        name = safe_cell(learner.name)
        # Canvas would take this row for the points possible of each assignment
        name = "" if "Points Possible" in name else name
        scores = [_score(learner.lessons.get(lesson)) for lesson in lessons]
        rows.append([name, learner.platform["canvas_user"], "", "", "", *scores])
    return {"canvas.csv": _csv(rows)}


def _moodle_csv(results: ClassResults, notices: list[str]) -> dict[str, str]:
    """The grading worksheet of each lesson's assignment (moodle/moodle, mod/assign/feedback/offline).

    Moodle needs the columns Identifier, Grade and Last modified (grade), by their English names, and takes no grade
    above the assignment's maximum. A participant's number is another in each assignment.
    """
    contents = {}
    for lesson in results.tasks:
        rows, left_out = [], []
        for learner in results.learners:
            entry = learner.lessons.get(lesson)
            if entry is None:
                continue
            found = re.fullmatch("(?:Participant )?([0-9]+)", entry.platform.get("moodle_participant", ""))
            if found is None:
                left_out.append(learner.learner)
                continue
            rows.append(
                [
                    f"Participant {found[1]}",
                    safe_cell(entry.name),
                    safe_cell(entry.platform.get("email", "")),
                    "Submitted for grading",
                    _score(entry),
                    number(results.points(lesson)),
                    "Yes",
                    entry.submitted.isoformat(" ", "minutes") if entry.submitted else "-",
                    "-",
                ]
            )
        if not rows:
            continue
        name = f"moodle_{lesson}.csv"
        header = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
        header += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
        contents[name] = _csv([header, *rows])
        notices.append(
            f"{name}: set the assignment's maximum grade to {number(results.points(lesson))} before the upload, and "
            "let it update records that were modified more recently in Moodle if you upload it again."
        )
        if left_out:
            notices.append(f"{name} leaves out {_people(left_out)}: no Moodle participant number is known of them.")
    return contents


def _gradescope_json(results: ClassResults, notices: list[str]) -> dict[str, str]:
    return {
        f"gradescope/{file_stem(entry.source)}/results.json": to_json(gradescope_results(entry.grade), indent=2) + "\n"
        for entry in results.entries
    }


def _junit_xml(results: ClassResults, notices: list[str]) -> dict[str, str]:
    """A test suite for each learner and lesson, a test case for each exercise; what could not be graded is an error."""
    suites = ET.Element("testsuites", name="course grade")
    for learner in results.learners:
        for lesson, entry in learner.lessons.items():
            name = f"{one_line(learner.learner)}: {lesson_title(lesson)}"
            suite = ET.SubElement(suites, "testsuite", name=name)
            if entry.late:
                properties = ET.SubElement(suite, "properties")
                ET.SubElement(properties, "property", name="late", value="true")
            for one in entry.grade.exercises:
                case = ET.SubElement(suite, "testcase", classname=f"lesson {lesson}", name=_title(one))
                kind = {"passed": "", "to do": "skipped", "not graded": "error"}.get(one.status, "failure")
                if kind:
                    ET.SubElement(case, kind, type=one.status, message=one_line(_said(one), 2000))
            _count(suite)
    if results.problems:
        suite = ET.SubElement(suites, "testsuite", name="could not be graded")
        for problem in results.problems:
            case = ET.SubElement(suite, "testcase", classname="could not be graded", name=one_line(problem.source))
            ET.SubElement(case, "error", type="not graded", message=one_line(problem.problem, 2000))
        _count(suite)
    _count(suites)
    ET.indent(suites)
    return {"junit.xml": f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'}


def _json_lines(results: ClassResults, notices: list[str]) -> dict[str, str]:
    """A line for each submission with its grade, then one for each that could not be graded; texts are as they came."""
    lines = []
    for entry in results.entries:
        grade = entry.grade.as_dict()
        del grade["seconds"]
        lines.append(
            {
                "learner": entry.learner,
                "name": entry.name,
                "source": entry.source,
                "submitted": entry.submitted.isoformat() if entry.submitted else None,
                "late": entry.late,
                "attempt": entry.attempt,
                "platform": dict(entry.platform),
                "digest": entry.digest,
                "stale": entry.stale,
                "earned": entry.grade.earned,
                "points": entry.grade.points,
                "grade": grade,
            }
        )
    lines += [
        {"learner": one.learner, "name": one.name, "source": one.source, "problem": one.problem}
        for one in results.problems
    ]
    return {"grades.jsonl": "".join(f"{to_json(line)}\n" for line in lines)}


_WRITERS = {
    "csv": _grades_csv,
    "canvas": _canvas_csv,
    "moodle": _moodle_csv,
    "gradescope": _gradescope_json,
    "junit": _junit_xml,
    "jsonl": _json_lines,
}


def _class_notices(results: ClassResults) -> list[str]:
    notices = []
    for learner in results.learners:
        if learner.not_graded:
            notices.append(
                f"{one_line(learner.learner)}: {', '.join(learner.not_graded)} could not be graded; the score of the "
                "lesson is left empty in the files for Canvas and Moodle. Mend the course, and run this again."
            )
    notices += [f"could not be graded: {one_line(problem.problem, 1000)}" for problem in results.problems]
    stale = [one_line(entry.source) for entry in results.entries if entry.stale]
    if stale:
        notices.append(
            f"{len(stale)} grades are from another nonce or an earlier state of the course ({_people(stale)}): "
            "grade again to bring them up to date."
        )
    return notices


def _points(one: ExerciseGrade | None) -> str:
    return "" if one is None or one.status == "not graded" else number(one.earned)


def _score(entry: Entry | None) -> str:
    """The points of a lesson; "" where there is none, or where an exercise that was not graded would cost points."""
    if entry is None or any(one.status == "not graded" for one in entry.grade.exercises):
        return ""
    return number(entry.grade.earned)


def _said(one: ExerciseGrade) -> str:
    """What the learner is told about an exercise."""
    parts = [f"{'right' if passed else 'not yet'}: {name}" for name, passed in one.groups.items() if name]
    return "\n".join([*([NOT_GRADED] if one.status == "not graded" else []), *filter(None, [one.feedback]), *parts])


def _title(one: ExerciseGrade) -> str:
    return one_line(f"{one.exercise} {one.title}")


def _people(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(one_line(name, 80) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _csv(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _count(element: ET.Element) -> None:
    """Write into a suite how many cases it holds, and how many of each kind."""
    element.set("tests", str(len(element.findall(".//testcase"))))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(len(element.findall(f".//{kind}"))))
