"""Each file is what its reader takes, hides nothing from the instructor, and no learner's text breaks out of it."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from sample_class import HOSTILE, START, entry, exercise, hostile_entries, large_class

from utils.grading import writing
from utils.grading.exporting import export_class, gradescope_results, safe_cell
from utils.grading.gradebook import GradebookError, Problem
from utils.grading.records import Grade
from utils.grading.results import class_results
from utils.grading.writing import ExportError, file_stem, harmless, number, one_line, write_file

BROKEN = (
    Problem(source="b.zip: eve.ipynb", problem="eve.ipynb is not JSON: ask for it again", learner="eve", name="Eve"),
    Problem(source="notes.pdf", problem="notes.pdf is not a notebook"),
)


def small_class() -> list:
    """Two learners in two lessons; bob's second lesson was late, and one exercise of ada's was not graded."""
    return [
        entry("ada", lesson="0.1", name="Ada Łovelace", platform={"canvas_user": "17", "moodle_participant": "501"}),
        entry(
            "ada",
            exercise("2.3.1", "not yet", earned=1.5, groups={"small": True, "large": False}, feedback="half of it"),
            exercise("2.3.2", "not graded"),
            name="Ada Łovelace",
            platform={"canvas_user": "17", "moodle_participant": "502"},
        ),
        entry(
            "bob",
            exercise("2.3.1"),
            exercise("2.3.2", "to do"),
            late=True,
            submitted=START,
            platform={"moodle_participant": "Participant 777", "email": "bob@uni.edu"},
        ),
    ]


def exported(entries, folder, problems=(), **arguments):
    return export_class(class_results(entries, problems), folder, **arguments)


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- the table for people


def test_the_table_has_a_row_a_learner_and_a_column_an_exercise(tmp_path):
    exported(small_class(), tmp_path)
    ada, bob = rows_of(tmp_path / "grades.csv")
    assert ada == {
        "learner": "ada",
        "name": "Ada Łovelace",
        "exercise 0.1.1": "3",
        "exercise 0.1.2": "0",
        "lesson 0.1": "3",
        "late 0.1": "",
        "exercise 2.3.1": "1.5",
        "exercise 2.3.2": "",
        "lesson 2.3": "1.5",
        "late 2.3": "",
        "total": "4.5",
        "points possible": "12",
        "not graded": "2.3.2",
        "problems": "",
    }
    assert (bob["exercise 0.1.1"], bob["lesson 0.1"], bob["lesson 2.3"], bob["late 2.3"]) == ("", "", "3", "late")


def test_the_table_begins_with_the_mark_by_which_excel_knows_utf_8(tmp_path):
    exported(small_class(), tmp_path)
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbflearner,")


def test_exercises_stand_in_the_order_of_their_numbers(tmp_path):
    exercises = [exercise(f"2.3.{place}") for place in (10, 9, 2, 1)]
    exported([entry("ada", *exercises), entry("ada", lesson="2.10"), entry("ada", lesson="2.9")], tmp_path)
    (row,) = rows_of(tmp_path / "grades.csv")
    assert [name for name in row if name.startswith("lesson")] == ["lesson 2.3", "lesson 2.9", "lesson 2.10"]
    assert [name for name in row if name.startswith("exercise 2.3.")] == [f"exercise 2.3.{i}" for i in (1, 2, 9, 10)]


def test_points_have_two_decimals_at_most():
    assert [number(value) for value in (0, 3.0, 2.5, 1 / 3, 1234.56, 1000000)] == [
        "0", "3", "2.5", "0.33", "1234.56", "1000000",
    ]  # fmt: skip


# --- nothing is hidden from the instructor


@pytest.mark.parametrize("name", ["grades.csv", "junit.xml", "grades.jsonl", "notices.txt"])
def test_what_could_not_be_graded_is_in_every_file_for_the_instructor(name, tmp_path):
    exported(small_class(), tmp_path, BROKEN)
    text = (tmp_path / name).read_text(encoding="utf-8")
    for problem in BROKEN:
        assert problem.problem in text
    assert "not graded" in text or "could not be graded" in text
    assert "2.3.2" in text


def test_a_learner_of_whom_nothing_could_be_graded_has_a_row_with_the_reason(tmp_path):
    exported(small_class(), tmp_path, BROKEN)
    eve = rows_of(tmp_path / "grades.csv")[2]
    assert (eve["learner"], eve["name"], eve["total"]) == ("eve", "Eve", "0")
    assert eve["problems"] == BROKEN[0].problem


def test_nobodys_file_has_a_row_of_its_own(tmp_path):
    exported(small_class(), tmp_path, BROKEN)
    last = rows_of(tmp_path / "grades.csv")[-1]
    assert (last["learner"], last["problems"]) == ("", BROKEN[1].problem)


def test_stale_grades_are_told(tmp_path):
    stale = replace(entry("ada"), stale=True)
    assert any("ada_2.3.ipynb" in notice for notice in exported([stale, entry("bob")], tmp_path).notices)


# --- Canvas


def test_canvas_finds_the_columns_that_its_importer_asks_for(tmp_path):
    exported(small_class(), tmp_path)
    with (tmp_path / "canvas.csv").open(encoding="utf-8", newline="") as file:
        header, possible, *students = csv.reader(file)
    assert header[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert header[5:] == ["0.1 Start here", "2.3 Contrastive alignment"]
    assert "Points Possible" in possible[0]
    assert possible[5:] == ["6", "6"]
    assert [row[1] for row in students] == ["17"]


def test_canvas_gets_no_score_that_an_ungraded_exercise_would_lower(tmp_path):
    notices = exported(small_class(), tmp_path).notices
    (ada,) = rows_of(tmp_path / "canvas.csv")[1:]
    assert (ada["0.1 Start here"], ada["2.3 Contrastive alignment"]) == ("3", "")
    assert any("ada: 2.3.2 could not be graded" in notice for notice in notices)


def test_a_learner_without_a_canvas_id_is_left_out_and_told(tmp_path):
    notices = exported(small_class(), tmp_path).notices
    assert any("canvas.csv leaves out bob" in notice for notice in notices)


@pytest.mark.parametrize("identifier", ["", "17a", "=17", "17,18", "१७", "1\n2"])
def test_a_canvas_id_that_is_no_number_is_not_written(identifier, tmp_path):
    given = [entry("ada", platform={"canvas_user": identifier}), entry("bob", platform={"canvas_user": "2"})]
    exported(given, tmp_path)
    assert [row["ID"] for row in rows_of(tmp_path / "canvas.csv")[1:]] == ["2"]


def test_nobody_can_pass_for_the_row_of_points_possible(tmp_path):
    exported([entry("mallory", name="Points Possible", platform={"canvas_user": "66"})], tmp_path)
    rows = rows_of(tmp_path / "canvas.csv")
    assert ["Points Possible" in row["Student"] for row in rows] == [True, False]
    assert rows[1]["ID"] == "66"


def test_a_class_that_is_not_from_canvas_or_moodle_gets_no_such_files(tmp_path):
    exported([entry("ada")], tmp_path)
    assert not list(tmp_path.glob("canvas*"))
    assert not list(tmp_path.glob("moodle*"))


# --- Moodle


def test_moodle_finds_the_columns_that_its_importer_asks_for_and_each_lessons_own_participants(tmp_path):
    notices = exported(small_class(), tmp_path).notices
    (start,) = rows_of(tmp_path / "moodle_0.1.csv")
    ada, bob = rows_of(tmp_path / "moodle_2.3.csv")
    assert {"Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"} < set(bob)
    assert "Last modified (grade)" in bob  # the importer gives up without it
    assert [row["Identifier"] for row in (start, ada, bob)] == ["Participant 501", "Participant 502", "Participant 777"]
    assert [row["Grade"] for row in (start, ada, bob)] == ["3", "", "3"]
    assert (bob["Maximum grade"], bob["Email address"]) == ("6", "bob@uni.edu")
    assert any("moodle_2.3.csv: set the assignment's maximum grade to 6" in notice for notice in notices)


def test_a_learner_without_a_participant_number_is_left_out_and_told(tmp_path):
    given = [entry("ada", platform={"moodle_participant": "1"}), entry("bob", platform={"moodle_participant": "1;2"})]
    notices = exported(given, tmp_path).notices
    assert [row["Identifier"] for row in rows_of(tmp_path / "moodle_2.3.csv")] == ["Participant 1"]
    assert any("leaves out bob" in notice for notice in notices)


# --- Gradescope


def test_gradescope_gets_a_score_and_a_test_for_each_exercise():
    partly = exercise("2.3.1", "not yet", earned=1.5, feedback="half of it", groups={"small": True, "large": False})
    found = gradescope_results(entry("ada", partly, exercise("2.3.2"), notes=["a note"]).grade)
    assert found["score"] == 4.5
    first, second = found["tests"]
    assert (first["score"], first["max_score"], first["status"]) == (1.5, 3.0, "failed")
    assert first["output"] == "not yet\nhalf of it\nright: small\nnot yet: large"
    assert (second["name"], second["status"], second["visibility"]) == ("2.3.2 Exercise 2.3.2", "passed", "visible")
    assert found["output"] == "2.3 Contrastive alignment: 4.5 of 6 points\na note"


def test_gradescope_takes_no_text_for_markup():
    found = gradescope_results(entry("ada", exercise("2.3.1", "not yet", feedback=HOSTILE["script"])).grade)
    formats = [found["output_format"], found["test_output_format"], found["test_name_format"]]
    formats += [test[name] for test in found["tests"] for name in ("output_format", "name_format")]
    assert set(formats) == {"text"}


def test_gradescope_says_when_nothing_could_be_graded():
    found = gradescope_results(Grade(lesson="", problem="x.ipynb is not JSON: save it again"))
    assert (found["score"], found["tests"], found["output"]) == (0, [], "x.ipynb is not JSON: save it again")


def test_gradescope_says_when_an_exercise_was_not_graded():
    found = gradescope_results(entry("ada", exercise("2.3.1", "not graded")).grade)
    assert "2.3.1: This could not be graded" in found["output"]
    assert "no fault of the answer" in found["tests"][0]["output"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_never_written(value, tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        exported([entry("ada", exercise("2.3.1", earned=value))], tmp_path, formats=["gradescope"])
    assert contents(tmp_path) == {}


def test_each_submission_has_its_own_results(tmp_path):
    exported(small_class(), tmp_path)
    found = [json.loads(path.read_text()) for path in tmp_path.glob("gradescope/*/results.json")]
    assert sorted(result["score"] for result in found) == [1.5, 3, 3]


# --- JUnit and JSON lines


def test_junit_has_a_suite_for_each_learner_and_lesson_and_counts_them(tmp_path):
    exported(small_class(), tmp_path, BROKEN)
    root = ET.parse(tmp_path / "junit.xml").getroot()
    names = [suite.get("name") for suite in root]
    assert names == [
        "ada: 0.1 Start here",
        "ada: 2.3 Contrastive alignment",
        "bob: 2.3 Contrastive alignment",
        "could not be graded",
    ]
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["8", "2", "3", "1"]
    failure = root[1][0].find("failure")
    assert (failure.get("type"), failure.get("message")) == ("not yet", "half of it right: small not yet: large")
    assert root[2].find("properties/property").get("name") == "late"


def test_a_json_line_holds_a_submission_with_its_whole_grade(tmp_path):
    given = small_class()
    exported(given, tmp_path, BROKEN)
    lines = [json.loads(line) for line in (tmp_path / "grades.jsonl").read_text().splitlines()]
    assert len(lines) == 5
    for line, one in zip(lines, given, strict=False):
        assert Grade.from_dict(line["grade"] | {"seconds": one.grade.seconds}) == one.grade
    assert (lines[2]["learner"], lines[2]["late"], lines[2]["submitted"]) == ("bob", True, START.isoformat())
    assert lines[3]["problem"] == BROKEN[0].problem


# --- the same grades, the same bytes


def test_order_and_speed_of_grading_leave_no_trace_in_any_file(tmp_path):
    entries = large_class(20)
    exported(entries, tmp_path / "one", BROKEN)
    random.Random(1).shuffle(entries)
    slower = [replace(one, graded_at=START, grade=replace(one.grade, seconds=9.0)) for one in entries]
    exported(slower, tmp_path / "two", BROKEN)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_exporting_again_touches_no_file(tmp_path):
    exported(small_class(), tmp_path, BROKEN)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    exported(small_class(), tmp_path, BROKEN)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_empty_class_gives_files_with_nobody_in_them(tmp_path):
    result = exported([], tmp_path)
    assert rows_of(tmp_path / "grades.csv") == []
    assert (tmp_path / "grades.jsonl").read_bytes() == b""
    assert ET.parse(tmp_path / "junit.xml").getroot().get("tests") == "0"
    assert result.notices == ()
    assert all(path.is_file() for path in result.files)


def test_only_the_formats_that_were_asked_for_are_written(tmp_path):
    exported(small_class(), tmp_path, formats=["junit"])
    assert set(contents(tmp_path)) == {"junit.xml", "notices.txt"}
    with pytest.raises(ValueError, match="there is no format 'xlsx'; the formats are csv"):
        exported(small_class(), tmp_path, formats=["xlsx"])


# --- hostile text


def all_cells(folder) -> list[str]:
    found = []
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += [cell for row in csv.reader(file) for cell in row]
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    entries = hostile_entries()
    entries = [replace(one, platform={**one.platform, "moodle_participant": str(i)}) for i, one in enumerate(entries)]
    problems = [Problem(source=text, problem=text, learner=text, name=text) for text in HOSTILE.values()]
    exported(entries, folder, problems)
    return folder


def test_no_cell_begins_a_formula(hostile):
    cells = all_cells(hostile)
    assert len(cells) > 200
    assert [cell for cell in cells if re.match(r"\s*[=+@＝＋－＠]|\s*-.", cell)] == []
    assert '\'=HYPERLINK("http://example.org","click")' in cells


def test_every_learner_keeps_a_row_of_as_many_cells_as_the_header(hostile):
    for name, extra in (("grades.csv", 0), ("canvas.csv", 1), ("moodle_2.3.csv", 0)):
        with (hostile / name).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert len(rows) == 1 + extra + len(HOSTILE)
        assert len({len(row) for row in rows}) == 1


def test_no_file_holds_a_control_character_or_a_mark_that_turns_the_writing(hostile):
    for name, content in contents(hostile).items():
        text = content.decode("utf-8-sig")
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", text), name


def test_junit_xml_parses_with_every_learners_name(hostile):
    root = ET.parse(hostile / "junit.xml").getroot()
    assert len(root) == len(HOSTILE) + 1
    assert any(HOSTILE["script"] in suite.get("name") for suite in root)


def test_every_json_is_strict_json_and_brings_the_text_back(hostile):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    lines = (hostile / "grades.jsonl").read_text(encoding="ascii").splitlines()
    read = [json.loads(line, parse_constant=refuse) for line in lines]
    assert {line["learner"] for line in read if "grade" in line} == set(HOSTILE.values())
    for path in hostile.glob("gradescope/*/results.json"):
        json.loads(path.read_text(encoding="ascii"), parse_constant=refuse)


def test_no_file_is_written_outside_the_folder(hostile):
    assert len(list(hostile.glob("gradescope/*/results.json"))) == len(HOSTILE)
    for path in hostile.rglob("*"):
        assert re.fullmatch(r"[a-z0-9._-]+", path.name)
    assert not list(hostile.parent.glob("**/passwd*"))


def test_a_cell_that_only_looks_harmless_is_neutralised():
    assert safe_cell("ada") == "ada"
    assert safe_cell("a=b") == "a=b"
    for text in ("=1", " =1", "\t=1", "\r\n@x", "-1", "+1", "＝1"):
        assert safe_cell(text).startswith("'")


# --- text and file names


def test_text_that_can_be_shown_is_shown_as_it_is():
    for text in ("Ada Łovelace", "日本語", "שלום", "می‌خواهم", "👩‍👩‍👧", "x\n\ty"):
        assert harmless(text) == text


def test_text_that_does_harm_is_shown_as_an_escape():
    assert harmless("a\x1b[0m\u202eb\0\ud800") == "a\\x1b[0m\\u202eb\\x00\\ud800"
    assert harmless("one\r\ntwo\rthree") == "one\ntwo\\x0dthree"


def test_a_line_is_cut_and_says_so():
    assert one_line("x" * 10_000, 10) == "x" * 9 + "…"
    assert one_line(" a \n b\t", 10) == "a b"
    assert one_line("x" * 10, 10) == "x" * 10


def test_file_names_are_readable_safe_and_never_the_same():
    texts = [*HOSTILE.values(), "Ada Lovelace", "ada lovelace", "ada-lovelace", "Adá Lovelace", ""]
    stems = [file_stem(text) for text in texts]
    assert len({stem.lower() for stem in stems}) == len(texts)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{15,60}", stem) for stem in stems)
    assert file_stem("Ada Lovelace").startswith("ada-lovelace-")
    assert file_stem("Ada Lovelace") == file_stem("Ada Lovelace")


# --- writing


def test_a_file_that_cannot_be_replaced_stays_as_it_was_and_is_named(tmp_path, monkeypatch):
    path = tmp_path / "grades.csv"
    write_file(path, b"old")

    def busy(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(writing.os, "replace", busy)
    with pytest.raises(ExportError, match="close it there") as caught:
        write_file(path, b"new")
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, GradebookError)
    assert contents(tmp_path) == {"grades.csv": b"old"}


def test_a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one(tmp_path, monkeypatch):
    path = tmp_path / "grades.csv"
    write_file(path, b"old")

    def full(self, content):
        self.touch()
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(writing.Path, "write_bytes", full)
    with pytest.raises(ExportError, match="look for room on the disk"):
        write_file(path, b"new")
    assert contents(tmp_path) == {"grades.csv": b"old"}
