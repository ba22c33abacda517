import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import pytest

from utils.exercises import progress
from utils.exercises.progress import progress_path, read_progress, record_check, record_hint


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "somewhere" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


def records():
    return read_progress().records


def test_nothing_done_yet_is_no_progress_and_no_warning(path):
    assert read_progress() == progress.Progress()
    assert not path.exists()


def test_the_best_status_and_the_first_pass_are_kept(path):
    for status in ("crashed", "not yet", "passed", "too slow"):
        assert record_check("2.3.1", status, None) == ""
    first = records()["2.3.1"].first_passed_at
    record_check("2.3.1", "passed", None)
    record = records()["2.3.1"]
    assert (record.status, record.attempts, record.first_passed_at) == ("passed", 5, first)
    assert abs(datetime.fromisoformat(first).timestamp() - time.time()) < 60


def test_the_last_misconception_is_kept_through_a_pass(path):
    record_check("2.3.1", "not yet", "no scale")
    record_check("2.3.1", "passed", None)
    assert records()["2.3.1"].last_misconception == "no scale"


def test_hints_count_up_only(path):
    for number in (1, 2, 1):
        record_hint("2.3.1", number)
    assert records()["2.3.1"].hints_opened == 2
    assert records()["2.3.1"].attempts == 0


def test_what_is_to_do_leaves_no_trace(path):
    record_check("2.3.1", "to do", None)
    assert not path.exists()


def test_the_file_is_made_for_people_to_read(path):
    for number in ("2.3.10", "2.3.9", "1.1.1"):
        record_check(number, "not yet", "vergißt zu normieren")
    text = path.read_text(encoding="utf-8")
    assert "vergißt zu normieren" in text
    assert list(json.loads(text)["exercises"]) == ["1.1.1", "2.3.9", "2.3.10"]
    assert text.count("\n") > 15


def test_fields_of_a_later_version_of_the_course_survive(path):
    path.parent.mkdir()
    path.write_text('{"version": 1, "exercises": {"9.9.9": {"status": "passed", "stars": 5}}, "name": "A"}')
    record_check("9.9.9", "passed", None)
    kept = json.loads(path.read_text())
    assert kept["exercises"]["9.9.9"]["stars"] == 5
    assert kept["name"] == "A"
    assert records()["9.9.9"].status == "passed"


@pytest.mark.parametrize(
    ("environment", "kept"),
    [
        ({"COURSE_PROGRESS": "off"}, False),
        ({"COURSE_PROGRESS": "OFF"}, False),
        ({"COURSE_PROGRESS": "", "CI": "true"}, False),
        ({"COURSE_PROGRESS": "", "NBGRADER_EXECUTION": "validate"}, False),
        ({"COURSE_PROGRESS": ""}, True),
    ],
)
def test_where_no_progress_is_kept(monkeypatch, environment, kept):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (progress_path() is not None) == kept
    if not kept:
        assert record_check("2.3.1", "passed", None) == ""
        assert read_progress() == progress.Progress()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"null",
        b'{"version": 1}',
        b'{"version": 99, "exercises": {}}',
        b'{"version": 1, "exercises": {"2.3.1": 3}}',
        b'{"version": 1, "exercises": {"2.3.1": {"attempts": "many"}}}',
        b'{"version": 1, "exercises": {"2.3.1": {"status": "great"}}}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("first", [read_progress, lambda: record_check("2.3.1", "passed", None)], ids=["read", "write"])
def test_a_damaged_file_is_set_aside_whole_and_said_so(path, damage, first):
    path.parent.mkdir()
    path.write_bytes(damage)
    result = first()
    warning = result if isinstance(result, str) else result.warning
    (aside,) = path.parent.glob("progress.damaged-*.json")
    assert aside.read_bytes() == damage
    assert str(aside) in warning
    assert record_check("2.3.1", "passed", None) == ""
    assert records()["2.3.1"].status == "passed"


def test_two_damaged_files_in_one_second_are_both_kept(path):
    path.parent.mkdir()
    for damage in (b"one", b"two", b"three"):
        path.write_bytes(damage)
        read_progress()
    assert {file.read_bytes() for file in path.parent.glob("*.damaged-*")} == {b"one", b"two", b"three"}


def test_a_place_that_cannot_be_written_gives_one_line_of_warning(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    for warning in (record_check("2.3.1", "passed", None), record_hint("2.3.1", 1), read_progress().warning):
        assert warning.startswith("your progress")
        assert "\n" not in warning


def test_without_permission_the_file_stays_as_it_was(path, monkeypatch):
    record_check("2.3.1", "not yet", None)
    before = path.read_bytes()

    def denied(*paths):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(progress.os, "replace", denied)
    warning = record_check("2.3.1", "passed", None)
    assert warning.startswith("your progress was not saved: ")
    assert "Permission denied" in warning
    assert path.read_bytes() == before


def test_a_folder_without_write_permission_is_told(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    for parent in folder.parents:
        if Path(tempfile.gettempdir()) in parent.parents:  # pytest's own, which are for one user only
            parent.chmod(0o755)
    environment = {**os.environ, "COURSE_PROGRESS": str(folder / "progress.json")}
    run = subprocess.run([sys.executable, "-c", AS_NOBODY], env=environment, capture_output=True, text=True, check=True)
    warning, read = run.stdout.strip().split("|")
    assert warning.startswith("your progress was not saved: ")
    assert "Permission denied" in warning
    assert read == "Progress(records={}, warning='')"


AS_NOBODY = """
import os, filelock
from utils.exercises.progress import read_progress, record_check
if hasattr(os, "geteuid") and os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
print(record_check("1.1.1", "passed", None), read_progress(), sep="|")
"""


def test_a_lock_that_is_held_for_long_gives_a_warning(path, monkeypatch):
    import filelock

    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.1)
    path.parent.mkdir()
    with filelock.FileLock(f"{path}.lock"):
        command = [sys.executable, "-c", WRITE_ONE]
        run = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    assert "is held by another program" in run.stdout


WRITE_ONE = """
from utils.exercises import progress
progress.LOCK_SECONDS = 0.1
print(progress.record_check("1.1.1", "passed", None))
"""

WRITER = """
import sys
from utils.exercises.progress import record_check
name, times = sys.argv[1], int(sys.argv[2])
for number in range(times):
    warning = record_check("2.3.1", "not yet", None) or record_check(f"1.1.{name}", "passed", None)
    print(warning or number + 1, flush=True)
"""


def writer(name, times):
    command = [sys.executable, "-c", WRITER, name, str(times)]
    return subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True)


def test_notebooks_that_write_at_once_lose_nothing(path):
    writers = [writer(str(name), 25) for name in range(4)]
    for process in writers:
        out, _ = process.communicate(timeout=60)
        assert out.split() == [str(number) for number in range(1, 26)]
    kept = records()
    assert kept["2.3.1"].attempts == 100
    assert [kept[f"1.1.{name}"].attempts for name in range(4)] == [25] * 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_in_the_midst_of_writing_loses_nothing_that_was_kept(path):
    acknowledged = 0
    for attempt in range(12):
        process = writer("1", 10**6)
        lines = [process.stdout.readline() for _ in range(3 + attempt)]
        time.sleep(attempt * 0.0007)  # so that the kill falls into another moment of a write each time
        process.kill()
        rest = process.communicate(timeout=10)[0].splitlines()
        said = [line.strip() for line in (*lines, *rest) if line.strip().isdigit()]
        acknowledged += int(said[-1])
        kept = read_progress()
        assert kept.warning == ""
        # at most the one write that was under way had happened and was not told yet
        assert acknowledged <= kept.records["1.1.1"].attempts
        assert kept.records["2.3.1"].attempts - kept.records["1.1.1"].attempts in range(attempt + 2)
        acknowledged = kept.records["1.1.1"].attempts
    assert record_check("1.1.1", "passed", None) == ""
    assert sorted(file.name for file in path.parent.iterdir() if "damaged" in file.name) == []
