"""The gradebook keeps what it was given, whatever happens to the grader, the disk or the file."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest

from utils.grading import gradebook as module
from utils.grading.gradebook import Gradebook, GradebookError, Problem, fingerprint
from utils.grading.records import ExerciseGrade, Grade, Submission, Unusable

NONCE = "a nonce"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def submission(learner="ada", source=None, **fields) -> Submission:
    source = f"{learner}.ipynb" if source is None else source
    return Submission(learner=learner, source=source, read=lambda: b"", **fields)


def grade(earned=2.0, lesson="2.3", seconds=0.5, **fields) -> Grade:
    exercises = (
        ExerciseGrade(exercise=f"{lesson}.1", title="One", status="passed", earned=earned, points=5.0, answer="x = 1"),
        ExerciseGrade(
            exercise=f"{lesson}.2",
            title="Two",
            status="not yet",
            earned=0.0,
            points=3.0,
            feedback="no",
            misconception="half",
            groups={"a": True, "b": False},
        ),
    )
    return Grade(lesson=lesson, exercises=exercises, notes=("a note",), seconds=seconds, **fields)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / "gradebook.sqlite"


@pytest.fixture
def book(path):
    with Gradebook.open(path, nonce=NONCE) as opened:
        yield opened


def chosen(book: Gradebook, keep: str) -> list[str]:
    return [entry.source for entry in book.entries(keep)]


# --- what is kept


def test_everything_comes_back_as_it_was_recorded(path):
    given = submission(
        "ada@uni.edu",
        "week1.zip: ada.ipynb",
        name="Ada Lovelace",
        submitted=datetime(2025, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=2))),
        late=True,
        attempt=3,
        platform={"canvas_user": "17"},
    )
    with Gradebook.open(path) as book:
        book.record(given, "d1", grade())
    with Gradebook.open(path) as book:
        (entry,) = book.entries()
    for name in ("learner", "source", "name", "submitted", "late", "attempt", "platform"):
        assert getattr(entry, name) == getattr(given, name)
    assert entry.grade == grade()
    assert entry.digest == "d1"
    assert not entry.stale
    assert datetime.now(UTC) - entry.graded_at < timedelta(minutes=1)


def test_a_drawn_nonce_is_kept_and_is_never_the_same_twice(path, tmp_path):
    with Gradebook.open(path) as book:
        nonce = book.nonce
    with Gradebook.open(path) as book, Gradebook.open(tmp_path / "other") as other:
        assert book.nonce == nonce != other.nonce
        assert len(nonce) == 32


def test_what_was_graded_is_known_by_its_source_and_its_content(book):
    book.record(submission(), "d1", grade())
    assert book.has("ada.ipynb", "d1")
    assert not book.has("ada.ipynb", "d2")
    assert not book.has("bob.ipynb", "d1")


def test_a_new_grade_of_a_source_takes_the_old_ones_place(book):
    book.record(submission(), "d1", grade(1.0))
    book.record(submission(), "d2", grade(4.0))
    (entry,) = book.entries("all")
    assert (entry.digest, entry.grade.earned) == ("d2", 4.0)
    assert list(book._rows("SELECT count(*) FROM exercise")) == [(2,)]


def test_an_unusable_file_is_kept_until_its_source_is_mended_and_the_other_way_round(book):
    book.record_unusable(Unusable(source="ada.ipynb", problem="ada.ipynb is empty", learner="ada"))
    assert book.problems() == [Problem(source="ada.ipynb", problem="ada.ipynb is empty", learner="ada")]
    book.record(submission(), "d1", grade())
    assert book.problems() == []
    book.record_unusable(Unusable(source="ada.ipynb", problem="gone"))
    assert book.entries("all") == []
    assert [problem.problem for problem in book.problems()] == ["gone"]


def test_status_and_points_can_be_queried_by_people(path):
    with Gradebook.open(path) as book:
        book.record(submission(), "d", grade())
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT learner, exercise, status, exercise.earned, misconception "
            "FROM exercise JOIN submission ON submission.id = exercise.submission"
        ).fetchall()
    assert rows == [("ada", "2.3.1", "passed", 2.0, ""), ("ada", "2.3.2", "not yet", 0.0, "half")]


@pytest.mark.parametrize(
    "text",
    [
        "\udcff\ud800 stray bytes",
        "nul \0 inside",
        "'; DROP TABLE submission; --",
        "\u202egnp.tfel",
        "\x1b[31m",
        "x" * 10**6,
        "",
    ],
    ids=["surrogates", "NUL", "SQL", "bidi", "ANSI", "huge", "empty"],
)
def test_any_text_is_kept_as_it_is(text, path):
    one = ExerciseGrade(exercise="2.3.1", title=text, status="passed", earned=1, points=1, feedback=text, answer=text)
    whole = Grade(lesson="2.3", exercises=(one,), notes=(text,))
    with Gradebook.open(path) as book:
        book.record(submission(text, text, name=text, platform={"email": text}), "d", whole)
        book.record_unusable(Unusable(source=text + "2", problem=text, learner=text))
        book.content_digest()
    with Gradebook.open(path) as book:
        (entry,) = book.entries()
        assert (entry.learner, entry.source, entry.name, entry.platform) == (text, text, text, {"email": text})
        assert entry.grade == whole
        assert book.problems() == [Problem(source=text + "2", problem=text, learner=text)]
        assert book.has(text, "d")


def test_names_that_differ_in_stray_bytes_alone_are_two_people(book):
    # shown to people both look like \udcff, and as keys they must not
    for source in ("\udcff", "\\udcff"):
        book.record(submission(source, source), "d", grade())
    assert len(book.entries()) == 2


def test_a_grade_that_is_no_number_is_refused_and_changes_nothing(book):
    book.record(submission(), "d1", grade(1.0))
    with pytest.raises(ValueError, match="JSON"):
        book.record(submission(), "d2", grade(float("nan")))
    assert book.has("ada.ipynb", "d1")


# --- stale grades


def test_another_nonce_makes_every_grade_stale_and_is_used_from_then_on(path):
    with Gradebook.open(path, nonce="one") as book:
        book.record(submission(), "d", grade())
    with Gradebook.open(path, nonce="two") as book:
        assert not book.has("ada.ipynb", "d")
        assert [entry.stale for entry in book.entries()] == [True]
    with Gradebook.open(path) as book:
        assert book.nonce == "two"
        book.record(submission(), "d", grade())
        assert book.has("ada.ipynb", "d")
    with Gradebook.open(path, nonce="two") as book:
        assert book.has("ada.ipynb", "d")


def test_another_state_of_the_course_makes_every_grade_stale(path, monkeypatch):
    with Gradebook.open(path) as book:
        book.record(submission(), "d", grade())
    monkeypatch.setattr(module, "fingerprint", lambda: "changed")
    with Gradebook.open(path) as book:
        assert not book.has("ada.ipynb", "d")
        assert [entry.stale for entry in book.entries()] == [True]


def test_to_forget_keeps_the_old_grade_until_the_new_one_is_there(book):
    for learner in ("ada", "bob", "cy"):
        book.record(submission(learner), "d", grade())
    book.forget(["ada.ipynb", "nobody.ipynb"])
    assert [book.has(f"{name}.ipynb", "d") for name in ("ada", "bob")] == [False, True]
    book.forget()
    assert not book.has("bob.ipynb", "d")
    assert [entry.stale for entry in book.entries()] == [True] * 3
    book.record(submission("bob"), "d", grade())
    assert [entry.stale for entry in book.entries()] == [True, False, True]


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    """A course with one definition and no notebook yet."""
    definition = tmp_path / "utils" / "exercises" / "one.py"
    definition.parent.mkdir(parents=True)
    definition.write_bytes(b"points = 1\npoints += 1\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LESSONS", ())
    return definition


def test_the_fingerprint_follows_the_definitions_but_not_their_line_endings(small_course):
    before = fingerprint()
    small_course.write_bytes(b"points = 1\r\npoints += 1\r\n")
    assert fingerprint() == before
    small_course.write_bytes(b"points = 2\n")
    changed = fingerprint()
    small_course.rename(small_course.with_name("two.py"))
    assert len({before, changed, fingerprint()}) == 3


def test_the_fingerprint_of_the_course_is_the_same_each_time():
    assert fingerprint() == fingerprint()


# --- which of several submissions counts


def test_the_latest_counts_then_the_attempt_then_the_source(book):
    times = {"b": NOON, "a": NOON + timedelta(hours=1), "none": None}
    for source, submitted in times.items():
        book.record(submission("ada", source, submitted=submitted), "d", grade())
    assert chosen(book, "latest") == ["a"]
    book.record(submission("ada", "A again", submitted=NOON + timedelta(hours=1), attempt=2), "d", grade())
    assert chosen(book, "latest") == ["A again"]
    book.record(submission("ada", "z", submitted=NOON + timedelta(hours=1), attempt=2), "d", grade())
    assert chosen(book, "latest") == ["z"]


def test_the_best_counts_and_of_equals_the_latest(book):
    for source, earned, hour in (("a", 3.0, 0), ("b", 5.0, 1), ("c", 5.0, 2), ("d", 1.0, 3)):
        book.record(submission("ada", source, submitted=NOON + timedelta(hours=hour)), "d", grade(earned))
    assert chosen(book, "best") == ["c"]
    assert chosen(book, "latest") == ["d"]
    assert chosen(book, "all") == ["a", "b", "c", "d"]


def test_times_are_compared_across_time_zones_and_without_one_they_are_utc(book):
    half_past_eleven = datetime(2025, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=1)))
    book.record(submission("ada", "east", submitted=half_past_eleven), "d", grade())
    book.record(submission("ada", "bare", submitted=datetime(2025, 3, 1, 12)), "d", grade())
    assert chosen(book, "latest") == ["bare"]


def test_each_lesson_counts_by_itself(book):
    for source, lesson in (("a", "2.3"), ("b", "0.1"), ("c", "2.3")):
        book.record(submission("ada", source), "d", grade(lesson=lesson))
    assert [(entry.grade.lesson, entry.source) for entry in book.entries()] == [("0.1", "b"), ("2.3", "c")]


def test_a_damaged_file_does_not_hide_an_earlier_sound_one(book):
    book.record(submission("ada", "a", submitted=NOON), "d", grade())
    book.record(
        submission("ada", "b", name="Ada", submitted=NOON + timedelta(hours=1)),
        "d",
        Grade(lesson="2.3", problem="b is not a notebook"),
    )
    assert chosen(book, "latest") == ["a"]
    assert chosen(book, "all") == ["a", "b"]
    assert book.problems() == [Problem(source="b", problem="b is not a notebook", learner="ada", name="Ada")]


# --- the same submissions, the same gradebook


def fill(book: Gradebook, order, seconds: float = 1.0) -> None:
    for number in order:
        learner = f"learner {number % 4}"
        if number == 7:
            book.record_unusable(Unusable(source="7", problem="7 is empty"))
        else:
            given = submission(
                learner, str(number), submitted=NOON, attempt=number % 3 + 1, platform={"b": "1", "a": "2"}
            )
            book.record(given, f"d{number}", grade(float(number % 5), seconds=seconds))


def test_the_order_of_grading_and_its_speed_leave_no_trace(tmp_path):
    found = set()
    for trial in range(4):
        order = list(range(12))
        random.Random(trial).shuffle(order)
        with Gradebook.open(tmp_path / str(trial), nonce=NONCE) as book:
            fill(book, order + order[: trial * 2], seconds=trial)
            found.add((book.content_digest(), tuple(chosen(book, "latest")), tuple(chosen(book, "best"))))
    assert len(found) == 1


def test_every_difference_that_matters_changes_the_digest(tmp_path):
    def digest(name, nonce=NONCE, content="d", late=False, **fields) -> str:
        with Gradebook.open(tmp_path / name, nonce=nonce) as book:
            book.record(submission(late=late), content, grade(**fields))
            return book.content_digest()

    same = digest("1")
    others = [digest("2", nonce="b"), digest("3", content="e"), digest("4", late=True), digest("5", earned=1.0)]
    assert len({same, *others}) == 5
    assert digest("6") == same


WRITER = """
import sys
from utils.grading.gradebook import Gradebook
sys.path.insert(0, sys.argv[2])
from test_gradebook import NONCE, grade, submission
with Gradebook.open(sys.argv[1], nonce=NONCE) as book:
    for number in range(40):
        given = submission(f"learner {number}", str(number))
        if not book.has(given.source, "d"):
            book.record(given, "d", grade(float(number % 5)))
            print(number, flush=True)
"""


def test_a_grader_killed_again_and_again_loses_nothing_that_it_had_recorded(path, tmp_path):
    def start():
        command = [sys.executable, "-c", WRITER, str(path), os.path.dirname(__file__)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    told = set()
    for lines in (1, 4, 9):
        process = start()
        told |= {int(line) for line in itertools.islice(process.stdout, lines)}
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        told |= {int(line) for line in process.stdout}
        process.wait()
        with Gradebook.open(path) as book:  # the lock has died with its holder
            kept = {int(source) for source in chosen(book, "all")}
        assert told <= kept
        assert len(kept - told) <= 1  # recorded, and killed before it could say so
    assert 0 < len(told) < 40
    with start() as process:
        process.stdout.read()
    assert process.returncode == 0
    with Gradebook.open(path) as book, Gradebook.open(tmp_path / "undisturbed", nonce=NONCE) as other:
        for number in range(40):
            other.record(submission(f"learner {number}", str(number)), "d", grade(float(number % 5)))
        assert book.content_digest() == other.content_digest()


# --- what can go wrong with the file


def refused(path, **arguments) -> str:
    """The message with which the gradebook at `path` is refused; it names the file."""
    with pytest.raises(GradebookError) as caught:
        Gradebook.open(path, **arguments)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_second_grader_is_refused_until_the_first_is_done(book, path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    book.record(submission(), "d", grade())
    assert "another grader" in refused(path)
    book.record(submission("bob"), "d", grade())
    book.close()
    with Gradebook.open(path) as second:
        assert len(second.entries()) == 2


def test_a_second_process_is_refused_too(book, path):
    code = (
        "import sys; from utils.grading.gradebook import Gradebook, GradebookError\n"
        "try: Gradebook.open(sys.argv[1])\n"
        "except GradebookError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert f"{path} is in use by another grader" in ran.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes of this system are not forked")
def test_a_child_that_outlives_the_grader_does_not_hold_the_lock(path):
    lasting = (
        "import os, sys, time; from utils.grading.gradebook import Gradebook\n"
        "book = Gradebook.open(sys.argv[1]); child = os.fork()\n"
        "if not child: time.sleep(60)\n"
        "print(child, flush=True); os.kill(os.getpid(), 9)"
    )
    ran = subprocess.Popen([sys.executable, "-c", lasting, str(path)], stdout=subprocess.PIPE, text=True)
    child = int(ran.stdout.readline())
    ran.wait()
    try:
        Gradebook.open(path).close()
    finally:
        os.kill(child, signal.SIGKILL)
        ran.stdout.close()


@pytest.mark.parametrize("content", [b"not a database, but a text" * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_no_gradebook_is_refused_and_left_as_it_is(content, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "is not a gradebook" in refused(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "browser.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (name)")
    connection.close()
    content = path.read_bytes()
    assert "another program's database" in refused(path)
    assert path.read_bytes() == content


def test_a_newer_version_is_refused_and_left_as_it_is(book, path):
    book._connection.execute("PRAGMA user_version = 2")
    book.close()
    content = path.read_bytes()
    assert "newer version of the course (gradebook 2, this one knows 1): update" in refused(path)
    assert path.read_bytes() == content


def test_a_file_cut_off_in_the_middle_is_refused(book, path):
    for number in range(50):
        book.record(submission(f"learner {number}"), "d", grade())
    book.close()
    with path.open("r+b") as file:
        file.truncate(9000)
    with pytest.raises(GradebookError, match="is damaged") as caught, Gradebook.open(path) as damaged:
        damaged.entries()
    assert str(path) in str(caught.value)


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    assert "cannot be opened for writing" in refused(tmp_path)


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    assert "cannot be made" in refused(tmp_path / "out" / "gradebook.sqlite")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are kept in another way there")
def test_nobody_else_may_read_the_gradebook_or_its_log(book, path):
    book.record(submission(), "d", grade())
    files = list(path.parent.iterdir())
    assert len(files) == 2  # the log is beside it while it is open
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_an_empty_file_becomes_a_gradebook(tmp_path):
    (tmp_path / "empty").touch()
    with Gradebook.open(tmp_path / "empty") as book:
        assert book.entries() == []


def test_an_empty_nonce_is_refused(path):
    assert "nonce" in refused(path, nonce=" ")
    assert not path.exists()


@contextmanager
def ordinary_user():
    """Root may write anywhere, so give that up for a while."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def locked_folder(tmp_path):
    """A folder that may be read but not written, and that an ordinary user can reach."""
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(0o755)
    folder = tmp_path / "locked"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are locked in another way there")
def test_a_read_only_folder_is_refused(locked_folder):
    locked_folder.chmod(0o555)
    with ordinary_user():
        assert "choose a folder in which you may write" in refused(locked_folder / "gradebook.sqlite")
        assert "cannot be made" in refused(locked_folder / "new" / "gradebook.sqlite")


@pytest.mark.skipif(sys.platform == "win32", reason="folders are locked in another way there")
def test_a_read_only_gradebook_is_refused(locked_folder):
    path = locked_folder / "gradebook.sqlite"
    with Gradebook.open(path) as book:
        book.record(submission(), "d", grade())
    path.chmod(0o444)
    locked_folder.chmod(0o555)
    with ordinary_user():
        assert "cannot be opened for writing" in refused(path)


def test_a_full_disk_is_told_and_what_was_recorded_is_still_there_when_there_is_room_again(book, path):
    book.record(submission("first"), "d", grade())
    (pages,) = book._connection.execute("PRAGMA page_count").fetchone()
    book._connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    def record_a_hundred():
        for number in range(100):
            book.record(submission(f"learner {number}"), "d", grade())

    with pytest.raises(GradebookError, match=r"disk is full.*free some space") as caught:
        record_a_hundred()
    assert str(path) in str(caught.value)
    recorded = chosen(book, "all")
    assert "first.ipynb" in recorded
    with pytest.raises(GradebookError, match="disk is full"):
        book.record_unusable(Unusable(source="x", problem="y" * 100_000))
    assert chosen(book, "all") == recorded
    book._connection.execute("PRAGMA max_page_count = 1000000")
    book.record(submission("another"), "d", grade())
    book.close()
    with Gradebook.open(path) as again:
        assert chosen(again, "all") == sorted([*recorded, "another.ipynb"])


ON_A_SMALL_DISK = """
import itertools, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_gradebook import chosen, grade, submission
from utils.grading.gradebook import Gradebook, GradebookError
folder = Path(sys.argv[1])
(folder / "ballast").write_bytes(bytes(200_000))
with Gradebook.open(folder / "gradebook.sqlite") as book:
    try:
        for number in itertools.count():
            book.record(submission(f"{number:04}"), "d", grade())
    except GradebookError as error:
        print(error)
    kept = chosen(book, "all")
    assert len(kept) == number > 5, (len(kept), number)
    (folder / "ballast").unlink()
    book.record(submission("more"), "d", grade())
with Gradebook.open(folder / "gradebook.sqlite") as book:
    assert chosen(book, "all") == sorted([*kept, "more.ipynb"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made by Linux's means")
def test_on_a_disk_that_is_really_full_nothing_recorded_is_lost(tmp_path):
    mount = 'mount -t tmpfs -o size=600k tmpfs "$1" || exit 99; shift; exec "$@"'
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", mount, "sh"]
    command += [str(tmp_path), sys.executable, "-c", ON_A_SMALL_DISK, str(tmp_path), os.path.dirname(__file__)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if ran.returncode == 99 or "unshare" in ran.stderr:
        pytest.skip(f"no small disk can be had here: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stderr
    assert "the disk is full" in ran.stdout


def test_opening_a_gradebook_does_not_wait_for_torch():
    code = "import sys; import utils.grading.gradebook; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
