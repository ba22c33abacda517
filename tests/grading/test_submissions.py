"""Whatever a class hands in, in whatever layout, each notebook is found once and under the right person."""

from __future__ import annotations

import os
import pickle
import random
import sys
import time
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, METADATA, NOTEBOOK, plant, zipped

from utils.grading.records import Submission, SubmissionError, Unusable
from utils.grading.submissions import NAME_LIMIT, NOTEBOOKS_EACH, PROBLEMS_EACH, clean_identifier, find_submissions


def found_in(path) -> tuple[list[Submission], list[Unusable]]:
    records = list(find_submissions(path))
    submissions = [record for record in records if isinstance(record, Submission)]
    return submissions, [record for record in records if isinstance(record, Unusable)]


def learners_in(path) -> list[str]:
    return sorted(submission.learner for submission in found_in(path)[0])


def as_expected(submission: Submission, expected: dict) -> dict:
    got = {"learner": submission.learner}
    got |= {key: getattr(submission, key) for key in ("name", "late") if getattr(submission, key)}
    got |= {"attempt": submission.attempt} if submission.attempt != 1 else {}
    got |= {"platform": dict(submission.platform)} if submission.platform else {}
    return got | ({"submitted": submission.submitted.isoformat()} if "submitted" in expected else {})


@pytest.fixture(params=["folder", "zip", "zip of a folder"])
def given_as(request, tmp_path):
    """A function that hands over a layout as a folder, as a zip, or as a zip that wraps the folder."""

    def hand_over(files: dict[str, bytes], name: str = "class"):
        if request.param == "folder":
            return plant(tmp_path / name, files)
        prefix = f"{name}/" if request.param == "zip of a folder" else ""
        path = tmp_path / f"{name}.zip"
        path.write_bytes(zipped({prefix + file: content for file, content in files.items()}))
        return path

    return hand_over


class TestLayouts:
    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_every_notebook_is_found_under_the_right_person(self, layout, given_as):
        submissions, unusable = found_in(given_as(layout.files, layout.name))
        expected = sorted(layout.found, key=str)
        got = sorted(submissions, key=lambda submission: submission.learner)
        got = [
            as_expected(one, wanted)
            for one, wanted in zip(got, sorted(expected, key=lambda one: one["learner"]), strict=True)
        ]
        assert sorted(got, key=str) == expected
        assert all(submission.read() == NOTEBOOK for submission in submissions)
        problems = [record.problem for record in unusable]
        for part in layout.unusable:
            assert sum(part in problem for problem in problems) == 1, (part, problems)
        assert len(problems) == len(layout.unusable), problems

    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_sources_are_unique_and_every_problem_names_its_file(self, layout, given_as):
        submissions, unusable = found_in(given_as(layout.files, layout.name))
        sources = [record.source for record in (*submissions, *unusable)]
        assert len(set(sources)) == len(sources)
        assert all(record.source in record.problem for record in unusable)

    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_the_order_does_not_depend_on_the_order_of_the_files(self, layout, tmp_path):
        shuffled = list(layout.files.items())
        random.Random(7).shuffle(shuffled)
        first = plant(tmp_path / "1" / layout.name, layout.files)
        second = plant(tmp_path / "2" / layout.name, dict(shuffled))
        assert [one.source for one in find_submissions(first)] == [one.source for one in find_submissions(second)]

    def test_a_wrapped_zip_of_a_learner_stays_that_learners(self, tmp_path):
        path = tmp_path / "ada.zip"
        path.write_bytes(zipped({"ada/1_start_here.ipynb": NOTEBOOK, "ada/3_contrastive_alignment.ipynb": NOTEBOOK}))
        assert learners_in(path) == ["ada", "ada"]

    def test_a_folder_into_which_work_arrives_is_read_alike_from_the_first_learner_on(self, tmp_path):
        folder = plant(tmp_path / "inbox", {"ada/hw.ipynb": NOTEBOOK})
        before = learners_in(folder)
        plant(folder, {"bob/hw.ipynb": NOTEBOOK})
        assert before == ["ada"]
        assert learners_in(folder) == ["ada", "bob"]


class TestASingleNotebook:
    @pytest.mark.parametrize(
        ("path", "learner", "source"),
        [
            ("week1/ada.ipynb", "ada", "week1/ada.ipynb"),
            ("ada/1_start_here.ipynb", "ada", "ada/1_start_here.ipynb"),
            ("week1/1_start_here_ada.ipynb", "1_start_here_ada", "week1/1_start_here_ada.ipynb"),
            ("week1/Ada_42_assignsubmission_file_1_start_here.ipynb", "42", None),
            ("week1/ada_17_9300_work.ipynb", "17", None),
        ],
    )
    def test_it_belongs_to_its_name_or_to_its_folder_if_the_name_is_the_lessons(self, path, learner, source, tmp_path):
        plant(tmp_path, {path: NOTEBOOK})
        [submission], unusable = found_in(tmp_path / path)
        assert submission.learner == learner
        assert submission.source == (source or path)
        assert submission.read() == NOTEBOOK
        assert not unusable


class TestWhoItIs:
    def test_a_download_among_the_learners_is_not_taken_at_its_word(self, tmp_path):
        """Else whoever hands in a zip with such names in it could submit for others."""
        forged = zipped({"bob_18_9301_x.ipynb": NOTEBOOK, "cyd_19_9302_x.ipynb": NOTEBOOK})
        folder = plant(tmp_path / "class", {"ada.ipynb": NOTEBOOK, "mallory.zip": forged})
        [submission], [unusable] = found_in(folder)
        assert submission.learner == "ada"
        assert "mallory.zip looks like a download from Canvas, with several people's work" in unusable.problem
        assert "grade it by itself" in unusable.problem

    @pytest.mark.parametrize(
        "names",
        [
            ["Bob_18_assignsubmission_file/x.ipynb"],
            ["bob_18_9301_x.ipynb"],
            ["submission_metadata.yml", "submission_18/x.ipynb"],
        ],
        ids=["Moodle", "Canvas", "Gradescope"],
    )
    def test_what_a_learner_hands_in_is_theirs_whatever_the_names_inside(self, names, tmp_path):
        forged = zipped(dict.fromkeys(names, NOTEBOOK))
        folder = plant(
            tmp_path / "class",
            {"ada_17_9300_x.ipynb": NOTEBOOK, "mallory_66_9399_x.zip": forged, "eve_67_9398_x.ipynb": NOTEBOOK},
        )
        assert learners_in(folder) == ["17", "66", "67"]

    def test_a_learners_own_numbered_folders_are_no_download(self, tmp_path):
        files = {"ada/submission_1/x.ipynb": NOTEBOOK, "ada/submission_2/x.ipynb": NOTEBOOK, "bob/x.ipynb": NOTEBOOK}
        assert learners_in(plant(tmp_path / "class", files)) == ["ada", "ada", "bob"]

    def test_a_folder_that_holds_only_a_download_says_to_grade_that(self, tmp_path):
        download = zipped({"ada_17_9300_x.ipynb": NOTEBOOK, "bob_18_9301_x.ipynb": NOTEBOOK})
        folder = plant(tmp_path / "week1", {"submissions.zip": download})
        with pytest.raises(SubmissionError, match=r"week1/submissions\.zip looks like a download from Canvas"):
            find_submissions(folder)
        assert learners_in(folder / "submissions.zip") == ["17", "18"]

    def test_one_person_may_hand_in_the_same_lesson_twice(self, tmp_path):
        folder = plant(tmp_path, {"ada/a/1_start_here.ipynb": NOTEBOOK, "ada/b/1_start_here.ipynb": NOTEBOOK})
        submissions, _ = found_in(folder)
        assert [submission.learner for submission in submissions] == ["ada", "ada"]
        assert len({submission.source for submission in submissions}) == 2

    def test_a_group_hands_in_for_each_of_its_members(self, tmp_path):
        folder = plant(tmp_path, {"submission_metadata.yml": METADATA, "submission_902/work.ipynb": NOTEBOOK})
        submissions, _ = found_in(folder)
        assert sorted(submission.learner for submission in submissions) == ["43", "grace@example.org"]
        assert {submission.read() for submission in submissions} == {NOTEBOOK}
        assert len({submission.source for submission in submissions}) == 2

    def test_the_files_time_stands_in_where_no_platform_tells_it(self, tmp_path):
        folder = plant(tmp_path / "class", {"ada.ipynb": NOTEBOOK})
        os.utime(folder / "ada.ipynb", (1_700_000_000, 1_700_000_000))
        [submission], _ = found_in(folder)
        assert submission.submitted == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)

    @pytest.mark.parametrize(
        "metadata",
        [
            b"- " * 100_000,
            b"[" * 200_000,
            b"\xff\xfe\xff",
            b"a: &a [*a, *a]",
            b"just text",
            b"submission_901: 7",
            b"submission_901:\n  :submitters: {a: b}",
            b"submission_901:\n  :submitters: [7, {}, {':email': [1]}]",
            b"? [1, 2]\n: 3",
            b"submission_901: !!python/object/apply:os.system ['exit 1']",
            b"",
        ],
        ids=lambda metadata: repr(metadata[:60]),
    )
    def test_hostile_metadata_leave_the_folders_numbers(self, metadata, tmp_path):
        folder = plant(tmp_path, {"submission_metadata.yml": metadata, "submission_901/work.ipynb": NOTEBOOK})
        assert learners_in(folder) == ["901"]


class TestNames:
    @pytest.mark.parametrize(
        ("raw", "kept"),
        [
            ("ada\x1b[31mred", "ada[31mred~"),
            ("ada\nlovelace", "adalovelace~"),
            ("ada\u202egpj", "adagpj~"),
            (" ada", "ada~"),
            ("", ""),
            ("\0", "~"),
            ("a" * 300, "a" * NAME_LIMIT + "~"),
            ("jos\udce9", "jos~"),
        ],
    )
    def test_an_identifier_is_printable_and_bounded_and_marked_where_it_had_to_change(self, raw, kept):
        cleaned = clean_identifier(raw)
        assert cleaned == kept or (kept.endswith("~") and cleaned[:-8] == kept)
        assert cleaned.isprintable()
        assert len(cleaned) <= NAME_LIMIT + 9

    @given(st.text(max_size=200), st.text(max_size=200))
    @settings(max_examples=200, deadline=None)
    def test_different_names_stay_different(self, one, other):
        same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
        assert (clean_identifier(one) == clean_identifier(other)) == same

    def test_accents_written_in_two_ways_are_one_name(self, tmp_path):
        composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
        folder = plant(tmp_path / "class", {f"{composed}/1.ipynb": NOTEBOOK, f"{decomposed}/2.ipynb": NOTEBOOK})
        assert learners_in(folder) == [composed] * 2

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
    def test_names_with_escapes_line_breaks_or_bytes_that_are_no_text_are_printable(self, tmp_path):
        folder = plant(tmp_path / "class", {"ada\x1b[2J.ipynb": NOTEBOOK, "bob\nbob.ipynb": NOTEBOOK, "e\x1b.pdf": b""})
        (folder / os.fsdecode(b"jos\xe9.ipynb")).write_bytes(NOTEBOOK)
        submissions, [unusable] = found_in(folder)
        shown = [text for one in submissions for text in (one.source, one.learner)] + [
            unusable.source,
            unusable.problem,
        ]
        assert all(text.isprintable() for text in shown)
        assert all(submission.read() == NOTEBOOK for submission in submissions)
        assert len({submission.learner for submission in submissions}) == 3

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
    def test_names_that_are_printed_alike_have_sources_of_their_own(self, tmp_path):
        folder = plant(tmp_path / "class", {"a\x1b.ipynb": NOTEBOOK, "a\\x1b.ipynb": NOTEBOOK})
        submissions, _ = found_in(folder)
        assert len({submission.source for submission in submissions}) == 2
        assert len({submission.learner for submission in submissions}) == 2


class TestReading:
    def test_a_notebook_over_the_limit_says_how_large_it_is_and_what_to_do(self, given_as, monkeypatch):
        monkeypatch.setattr("utils.grading.submissions.NOTEBOOK_LIMIT", 2_000_000)
        full = random.Random(1).randbytes(2_000_000)
        ada, bob = found_in(given_as({"ada.ipynb": full + b"x", "bob.ipynb": full}))[0]
        with pytest.raises(SubmissionError, match=r"ada\.ipynb has 2\.0 MB, the limit is 2 MB: .*Clear Outputs.*save"):
            ada.read()
        assert bob.read() == full

    def test_finding_opens_no_notebook(self, tmp_path):
        folder = plant(tmp_path / "class", {"ada.ipynb": NOTEBOOK})
        [submission], _ = found_in(folder)
        (folder / "ada.ipynb").unlink()
        with pytest.raises(SubmissionError, match=r"class/ada\.ipynb cannot be read: No such file"):
            submission.read()

    def test_a_zip_that_changes_after_it_was_found_is_noticed(self, tmp_path):
        path = tmp_path / "class.zip"
        path.write_bytes(zipped({"ada.ipynb": NOTEBOOK, "bob.ipynb": NOTEBOOK}))
        submissions, _ = found_in(path)
        for other in range(5):  # leaves no room for the zip among those that are kept open
            elsewhere = tmp_path / f"{other}.zip"
            elsewhere.write_bytes(zipped({"x.ipynb": NOTEBOOK}))
            found_in(elsewhere)
        path.write_bytes(zipped({"ada.ipynb": b"{}"}))
        for submission in submissions:
            with pytest.raises(SubmissionError, match=r"class\.zip: (ada|bob)\.ipynb (has changed|is damaged)"):
                submission.read()

    def test_what_was_found_can_be_read_in_another_process(self, given_as):
        [submission], _ = found_in(given_as({"ada/work.zip": zipped({"ada.ipynb": NOTEBOOK})}))
        assert pickle.loads(pickle.dumps(submission)).read() == NOTEBOOK


class TestBadInput:
    @pytest.mark.parametrize(
        ("files", "path", "message"),
        [
            ({}, "nowhere", "nowhere does not exist"),
            ({}, "", "holds no notebook"),
            ({"class/.ipynb_checkpoints/a.ipynb": NOTEBOOK}, "class", r"class holds no notebook \(\.ipynb\)"),
            ({"a.pdf": b"", "b.pdf": b""}, "", r"a\.pdf is a PDF and was not graded: .* \(and 1 more such\)"),
            ({"class.rar": b"Rar!"}, "class.rar", r"class\.rar is an archive of the kind \.rar, which is not read"),
            ({"ada.pdf": b"%PDF"}, "ada.pdf", r"ada\.pdf is a PDF: name a folder, a zip or a notebook"),
            ({"class.zip": b"no zip"}, "class.zip", r"class\.zip is not a sound zip .*: make the zip again"),
            ({"class.zip": zipped({})}, "class.zip", r"class\.zip holds no notebook"),
        ],
    )
    def test_the_message_names_the_path_and_says_what_to_do(self, files, path, message, tmp_path):
        plant(tmp_path, files)
        with pytest.raises(SubmissionError, match=message):
            find_submissions(tmp_path / path)

    def test_a_null_byte_in_the_path_is_no_crash(self, tmp_path):
        with pytest.raises(SubmissionError, match="cannot be opened"):
            find_submissions(tmp_path / "a\0b")

    def test_no_learner_can_hand_in_so_many_notebooks_that_nobody_else_is_graded(self, given_as):
        many = {f"mallory/{number}.ipynb": NOTEBOOK for number in range(NOTEBOOKS_EACH + 1)}
        [submission], [unusable] = found_in(given_as({"ada/1.ipynb": NOTEBOOK, **many}))
        assert submission.learner == "ada"
        assert "201 notebooks by one learner, the limit is 200" in unusable.problem

    def test_no_learner_can_fill_the_report_with_problems(self, given_as):
        hostile = zipped([(f"{number}/../../x.ipynb", NOTEBOOK) for number in range(PROBLEMS_EACH + 30)])
        submissions, unusable = found_in(given_as({"ada/1.ipynb": NOTEBOOK, "mallory/x.zip": hostile}))
        assert [submission.learner for submission in submissions] == ["ada"]
        assert len(unusable) == PROBLEMS_EACH + 1
        assert "and 30 in all" in unusable[-1].problem


def test_five_thousand_files_are_found_in_seconds(tmp_path, measured):
    count = 5_000
    as_folder = plant(tmp_path / "folder", {f"{number:05}/work.ipynb": NOTEBOOK for number in range(count)})
    inner = zipped({"work.ipynb": NOTEBOOK})
    as_zip, as_zips = tmp_path / "class.zip", tmp_path / "zips.zip"
    as_zip.write_bytes(zipped({f"l_{number}_{number + 90_000}_work.ipynb": NOTEBOOK for number in range(count)}))
    as_zips.write_bytes(zipped({f"l_{number}_{number + 90_000}_work.zip": inner for number in range(count)}))
    for path in (as_folder, as_zip, as_zips):
        start = time.perf_counter()
        submissions, _ = found_in(path)
        finding = time.perf_counter() - start
        start = time.perf_counter()
        assert all(submission.read() == NOTEBOOK for submission in submissions)
        reading = time.perf_counter() - start
        assert len(submissions) == count
        assert len({submission.learner for submission in submissions}) == count
        assert finding + reading < 60
        measured(f"{count:,} submissions in {path.name}: found in {finding:.2f} s, read in {reading:.2f} s")
