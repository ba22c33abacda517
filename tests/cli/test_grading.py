"""`course grade` and `course autograder`: what they print, write and leave with, and that no mistake is a traceback."""

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from typer.testing import CliRunner

from utils.cli import doctor, grading, main
from utils.cli.app import app
from utils.grading import session
from utils.grading.executors import LocalExecutor
from utils.grading.gradebook import Gradebook, GradebookError
from utils.grading.sandbox import Isolation
from utils.grading.watching import ClassPages
from utils.grading.writing import ExportError

FAKES = str(Path(__file__).resolve().parents[1] / "grading")
NONCE = "0123456789abcdef" * 2
ISOLATED = Isolation("root", "namespaces")
NOT_ISOLATED = Isolation("none", "user namespaces are off", "sysctl -w user.max_user_namespaces=10000")


@pytest.fixture(autouse=True)
def grader(monkeypatch):
    """The fake grader of tests/grading, on a machine that isolates; what it grades is a line such as "points 2"."""
    monkeypatch.setenv("PYTHONPATH", FAKES)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(grading, "LocalExecutor", partial(LocalExecutor, grader="fake_grader:Grader"))
    monkeypatch.setattr(grading, "examine", lambda: ISOLATED)
    # figures take half a second
    monkeypatch.setattr(session, "similar_answers", lambda results: None)
    monkeypatch.setattr(
        session, "write_reports", lambda results, folder, _: (folder / "class.html").write_text(repr(results))
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with the work of two people in `submitted`."""
    monkeypatch.chdir(tmp_path)
    hand_in(tmp_path, "ada", "points 2")
    hand_in(tmp_path, "alan", "points 0")
    return tmp_path


def hand_in(folder: Path, learner: str, text: str) -> Path:
    path = folder / "submitted" / learner / "lesson.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command in this process as the shell would."""

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return SimpleNamespace(code=caught.value.code or 0, out=said.out, err=said.err)

    return run


def grades(folder: Path) -> dict[str, float]:
    with Gradebook.open(folder / "gradebook.sqlite") as gradebook:
        return {entry.learner: entry.grade.earned for entry in gradebook.entries("all") if not entry.grade.problem}


@pytest.mark.parametrize("command", ["grade", "autograder"])
def test_every_help_has_an_example(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"})
    assert shown.exit_code == 0
    assert f"course {command}" in shown.output.partition("Usage")[2].partition("\n")[2]


def test_the_command_starts_without_torch():
    code = "import sys, utils.cli.grading\nsys.exit(bool({'torch', 'nbformat', 'distributed'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- a class


def test_a_class_is_graded_counted_and_written(here, call):
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 0
    assert "2.3 Contrastive alignment" in ran.out
    assert "1.0 of 2" in ran.out
    assert "2 graded." in ran.out
    for name in ("class.html", "grades.csv", "junit.xml", "grades.jsonl", "gradebook.sqlite"):
        assert (here / "grades" / name).is_file()
        assert str(Path("grades", name)) in ran.out
    assert "nonce" in ran.out
    with (here / "grades" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["learner"]: row["total"] for row in rows} == {"ada": "2", "alan": "0"}


def test_what_cannot_be_graded_is_named_and_the_rest_is_graded(here, call):
    hand_in(here, "grace", "unusable")
    (here / "submitted" / "linus").mkdir()
    (here / "submitted" / "linus" / "essay.pdf").write_bytes(b"%PDF")
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 1
    assert "2 graded, 2 could not be graded." in ran.out
    assert "submitted/grace/lesson.ipynb is not a notebook: hand it in again" in ran.out
    assert "essay.pdf is a PDF" in ran.out
    assert grades(here / "grades") == {"ada": 2.0, "alan": 0.0}


def test_the_same_command_goes_on_and_what_is_mended_is_no_problem_any_more(here, call):
    broken = hand_in(here, "grace", "unusable")
    call("grade", "submitted", "--out", "grades")
    hand_in(here, "linus", "points 1")
    ran = call("grade", "submitted", "--out", "grades")
    assert (ran.code, "1 graded, 2 as before, 1 could not be graded." in ran.out) == (1, True)
    broken.rename(broken.with_name("again.ipynb"))
    (broken.parent / "again.ipynb").write_text("points 2")
    ran = call("grade", "submitted", "--out", "grades")
    assert (ran.code, "1 graded, 3 as before." in ran.out) == (0, True)
    assert "grace/lesson.ipynb" not in ran.out


def test_a_problem_elsewhere_in_the_gradebook_is_told_and_is_not_this_runs_fault(here, call):
    hand_in(here, "grace", "unusable")
    assert call("grade", "submitted", "--out", "grades").code == 1
    ran = call("grade", "submitted", "--out", "grades", "--only", "ada")
    assert ran.code == 0
    assert "1 as before." in ran.out
    assert "grace/lesson.ipynb" in ran.out


def test_a_single_learner_is_graded_anew(here, call):
    call("grade", "submitted", "--out", "grades")
    ran = call("grade", "submitted", "--out", "grades", "--only", "ad*", "--regrade")
    assert "1 graded." in ran.out


def test_a_nonce_is_taken_and_kept(here, call):
    call("grade", "submitted", "--out", "grades", "--nonce", NONCE)
    with Gradebook.open(here / "grades" / "gradebook.sqlite") as gradebook:
        assert gradebook.nonce == NONCE
    assert "2 as before." in call("grade", "submitted", "--out", "grades").out
    assert "2 graded." in call("grade", "submitted", "--out", "grades", "--nonce", "f" * 32).out


def test_late_work_earns_nothing_where_it_is_asked_for(tmp_path, call):
    download = tmp_path / "canvas"
    download.mkdir()
    for name in ("lovelaceada_LATE_17_93_work.ipynb", "turingalan_18_94_work.ipynb"):
        (download / name).write_text("points 2")

    def scores(*options: str) -> dict[str, str]:
        call("grade", download, "--out", tmp_path / "grades", *options)
        with (tmp_path / "grades" / "canvas.csv").open(encoding="utf-8", newline="") as file:
            return {row["ID"]: row["2.3 Contrastive alignment"] for row in csv.DictReader(file) if row["ID"]}

    assert scores("--late", "zero") == {"17": "0", "18": "2"}
    assert scores() == {"17": "2", "18": "2"}


def test_a_name_cannot_write_to_the_terminal(here, call):
    hand_in(here, "eve\x1b[2Jl\u202e", "unusable")
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 1
    assert "\x1b" not in ran.out + ran.err
    assert "\u202e" not in ran.out + ran.err
    assert "eve\\x1b[2Jl" in ran.out


def test_many_problems_are_counted_and_listed_in_a_file(here, call):
    for number in range(20):
        hand_in(here, f"learner{number:02}", "unusable")
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.out.count("is not a notebook") == 12
    assert "8 more in" in ran.out
    assert (here / "grades" / "notices.txt").read_text().count("is not a notebook") == 20


# --- mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--out", "grades"], "nothing does not exist"),
        (["submitted"], "--out"),
        (["submitted", "--out", "submitted/grades"], "choose a folder beside it"),
        (["submitted", "--out", "."], None),
        (["submitted", "--out", "grades", "--nonce", "abc"], "32 or more hexadecimal digits"),
        (["submitted", "--out", "grades", "--nonce", "g" * 32], "32 or more hexadecimal digits"),
        (["submitted", "--out", "grades", "--slots", "0"], "--slots"),
        (["submitted", "--out", "grades", "--keep", "worst"], "--keep"),
        (["submitted", "--out", "grades", "--only", "nobody"], "there are ada, alan"),
        (["submitted", "--out", "grades", "--tls-ca", "ca.pem"], "go together"),
        (
            ["submitted", "--out", "grades", "--tls-ca", "a", "--tls-cert", "b", "--tls-key", "c"],
            "are for a --scheduler",
        ),
        (["submitted", "--out", "grades", "--scheduler", "tcp://192.0.2.1:8786"], "another machine"),
        (["submitted", "--out", "grades", "--scheduler", "127.0.0.1:1", "--slots", "2"], "--slots is for this machine"),
        (["empty", "--out", "grades"], "holds no notebook"),
        (["submitted", "--out", "file"], "file"),
    ],
)
def test_a_users_mistake_is_told_in_a_sentence(here, call, arguments, message):
    (here / "empty").mkdir()
    (here / "file").write_text("")
    ran = call("grade", *arguments)
    if message is None:
        assert ran.code == 0
    else:
        assert ran.code == 2
        assert message in ran.err


def test_without_isolation_nothing_is_run_and_the_way_out_is_told(here, call, monkeypatch):
    monkeypatch.setattr(grading, "examine", lambda: NOT_ISOLATED)
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 2
    assert "user namespaces are off" in ran.err
    assert "sysctl -w user.max_user_namespaces=10000" in ran.err
    assert "--trust-submissions" in ran.err
    assert "as you, with your files and your network" in ran.err
    assert not (here / "grades").exists()


def test_trust_is_warned_of_each_time_where_it_matters(here, call, monkeypatch):
    arguments = ("grade", "submitted", "--out", "grades", "--trust-submissions")
    assert "Warning" not in call(*arguments).err
    monkeypatch.setattr(grading, "examine", lambda: NOT_ISOLATED)
    for _ in range(2):
        ran = call(*arguments)
        assert ran.code == 0
        assert "Warning: answers run as you, with your files and your network" in ran.err


def test_another_programs_file_is_left_alone(here, call):
    (here / "grades").mkdir()
    (here / "grades" / "gradebook.sqlite").write_text("my diary")
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 2
    assert "gradebook.sqlite is not a gradebook" in ran.err
    assert (here / "grades" / "gradebook.sqlite").read_text() == "my diary"


def test_a_gradebook_in_use_is_told(here, call):
    with Gradebook.open(here / "grades" / "gradebook.sqlite"):
        ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 2
    assert "in use by another grader" in ran.err


def test_files_that_cannot_be_written_lose_no_grade(here, call, monkeypatch):
    def full(*_):
        raise ExportError("grades.csv cannot be written (No space left on device). The grades are safe")

    monkeypatch.setattr(grading, "write_class", full)
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 1
    assert "No space left on device" in ran.err
    assert grades(here / "grades") == {"ada": 2.0, "alan": 0.0}


def test_a_disk_that_fills_up_is_told_and_what_is_recorded_stays(here, call, monkeypatch):
    record = Gradebook.record

    def full(gradebook, submission, digest, grade):
        if submission.learner == "alan":
            raise GradebookError("the disk is full: free some space and run the same command again")
        record(gradebook, submission, digest, grade)

    monkeypatch.setattr(Gradebook, "record", full)
    ran = call("grade", "submitted", "--out", "grades", "--slots", "1")
    assert ran.code == 1
    assert "the disk is full" in ran.err
    assert grades(here / "grades") == {"ada": 2.0}


def test_a_machine_that_cannot_grade_after_all_is_told(here, call, monkeypatch):
    monkeypatch.setenv("FAKE_GRADER_CANNOT_ISOLATE", "1")
    ran = call("grade", "submitted", "--out", "grades")
    assert ran.code == 2
    assert "this machine cannot isolate: get another" in ran.err


# --- Ctrl-C

IN_A_PROCESS = """
    import sys
    from functools import partial
    from utils.cli import grading, main
    from utils.grading.executors import LocalExecutor
    from utils.grading.sandbox import Isolation

    grading.LocalExecutor = partial(LocalExecutor, grader="fake_grader:Grader")
    grading.examine = lambda: Isolation("root", "")
    sys.argv = ["course", "grade", "submitted", "--out", "grades", *sys.argv[1:]]
    main()
"""


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_ctrl_c_keeps_what_is_done_and_shows_no_traceback(here, call):
    begun = here / "begun"
    hand_in(here, "zoe", f"hang {begun}")
    grader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(IN_A_PROCESS), "--slots", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not begun.exists():
        time.sleep(0.05)
    os.killpg(grader.pid, signal.SIGINT)  # as the terminal does: to the whole group
    out, err = grader.communicate(timeout=20)
    assert grader.returncode == 130
    assert "Traceback" not in out + err
    told = re.search(r"(\d) of 3 are done and kept in grades/gradebook\.sqlite; the same command goes on", err)
    done = int(told[1])
    assert done in (1, 2), "the second grade may have been on its way"
    hand_in(here, "zoe", "points 1")
    assert f"{3 - done} graded, {done} as before." in call("grade", "submitted", "--out", "grades").out


# --- while work comes in


def test_watching_grades_what_has_arrived_shows_the_page_and_ends_quietly(here, call, monkeypatch):
    seen = []

    def changes(path):
        yield frozenset({"alan/lesson.ipynb"})
        seen.append(grades_now())
        yield frozenset()
        seen.append(grades_now())
        hand_in(here, "grace", "unusable")
        yield frozenset()
        yield frozenset()
        hand_in(here, "grace", "points 1")
        yield frozenset()
        raise KeyboardInterrupt

    def grades_now() -> list[str]:
        lines = (here / "grades" / "grades.jsonl").read_text().splitlines()
        return [json.loads(line)["learner"] for line in lines]

    monkeypatch.setattr(grading, "changes", changes)
    ran = call("grade", "submitted", "--out", "grades", "--watch")
    assert ran.code == 0
    assert seen == [["ada"], ["ada", "alan"]], "what is still being written waits"
    assert "Watching submitted; Ctrl-C ends it." in ran.out
    assert "The class, kept up to date:  http://127.0.0.1:" in ran.out
    assert ran.out.count("grace/lesson.ipynb is not a notebook") == 1, "a problem is told once"
    assert "1 graded, 2 as before." in ran.out
    assert "Ended. Everything is in grades." in ran.out
    assert grades(here / "grades") == {"ada": 2.0, "alan": 0.0, "grace": 1.0}


def test_watching_begins_with_an_empty_folder(tmp_path, call, monkeypatch):
    (tmp_path / "submitted").mkdir()

    def changes(path):
        yield frozenset()
        yield frozenset()
        hand_in(tmp_path, "ada", "points 2")
        yield frozenset()
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "changes", changes)
    ran = call("grade", tmp_path / "submitted", "--out", tmp_path / "grades", "--watch")
    assert ran.code == 0
    assert ran.err.count("holds no notebook") == 1
    assert "1 graded." in ran.out


def test_regrading_while_watching_is_done_once(here, call, monkeypatch):
    def changes(path):
        yield frozenset()
        yield frozenset()
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "changes", changes)
    call("grade", "submitted", "--out", "grades")
    ran = call("grade", "submitted", "--out", "grades", "--watch", "--regrade")
    assert ran.out.count("2 graded.") == 1


def test_a_port_in_use_is_told(here, call):
    with ClassPages(here) as pages:
        ran = call("grade", "submitted", "--out", "grades", "--watch", "--port", pages.port)
    assert ran.code == 2
    assert f"port {pages.port} cannot be listened on" in ran.err
    assert "--port" in ran.err


# --- course autograder


def test_the_autograder_is_written_and_said_what_to_do_with(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = call("autograder", "0.1", "--nonce", NONCE)
    assert ran.code == 0
    assert "autograder.zip" in ran.out
    assert "grades lesson 0.1: upload it" in ran.out
    assert (tmp_path / "autograder.zip").read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["9.9"], "there is no lesson '9.9'"),
        (["0.1", "--nonce", "1"], "hexadecimal"),
        (["0.1", "--out", "."], "is a folder"),
    ],
)
def test_an_autograder_that_cannot_be_made_is_told(tmp_path, call, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    ran = call("autograder", *arguments)
    assert ran.code == 2
    assert message in ran.err


# --- course doctor


@pytest.mark.parametrize(("isolation", "well"), [(ISOLATED, True), (NOT_ISOLATED, False)])
def test_doctor_says_which_isolation_there_is(monkeypatch, isolation, well):
    from utils.grading import sandbox

    monkeypatch.setattr(sandbox, "examine", lambda: isolation)
    finding = doctor._isolation()
    assert finding.well is well
    assert not finding.required
    assert isolation.found in finding.found
    assert isolation.remedy in finding.remedy


# --- the real grader

needs_isolation = pytest.mark.skipif(
    grading.examine().level == "none", reason="this machine cannot isolate answers: course doctor says why"
)


@pytest.fixture
def real(tmp_path, monkeypatch):
    """The working folder, with the work of as many people as are asked for, and the real grader."""
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(FAKES)
    import submitted

    def fill(number: int) -> Path:
        folder = tmp_path / "submitted"
        folder.mkdir()
        for one in range(number):
            answers = submitted.WRONG if one % 2 else submitted.RIGHT
            (folder / f"learner{one:03}.ipynb").write_text(submitted.notebook(answers), encoding="utf-8")
        return tmp_path

    return fill


@needs_isolation
def test_a_class_is_graded_by_the_real_grader(real, call):
    here = real(2)
    ran = call("grade", "submitted", "--out", "grades", "--slots", "1", "--nonce", NONCE)
    assert ran.code == 0
    assert grades(here / "grades") == {"learner000": 4.0, "learner001": 0.0}
    page = (here / "grades" / "class.html").read_text(encoding="utf-8")
    assert {f"reports/{path.name}" for path in (here / "grades" / "reports").iterdir()} == set(
        re.findall('href="(reports/[^"]+)"', page)
    )
    assert "a page for each learner" in ran.out


@needs_isolation
@pytest.mark.skipif("COURSE_KILL_REAL_GRADER" not in os.environ, reason="takes minutes: set COURSE_KILL_REAL_GRADER=1")
def test_the_real_grader_killed_at_twenty_random_moments_ends_with_the_gradebook_of_an_undisturbed_run(
    real, call, measured
):
    here = real(200)
    arguments = ["grade", "submitted", "--nonce", NONCE, "--out"]
    begun = time.monotonic()
    call(*arguments, "undisturbed")
    seconds = time.monotonic() - begun
    recorded: list[int] = []
    classes = 0
    while len(recorded) < 20:  # a class may be finished before it was killed as often
        out = here / f"class{classes}"
        classes += 1
        while len(recorded) < 20 and _killed([*arguments, out.name], out / "gradebook.sqlite-wal"):
            recorded.append(len(grades(out)))
        call(*arguments, out.name)
        assert digest(out) == digest(here / "undisturbed")
    measured(
        f"the real grader took {seconds:.0f} s for a class of 200, and was killed 20 times in {classes} such classes; "
        f"recorded at each kill: {recorded}"
    )


def digest(folder: Path) -> str:
    with Gradebook.open(folder / "gradebook.sqlite") as gradebook:
        return gradebook.content_digest()


def _killed(arguments: list[str], log: Path) -> bool:
    """Kill a grader and see that nothing of it goes on; return False if it was done before that."""
    command = [sys.executable, "-c", "from utils.cli import main; main()", *arguments]
    grader = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _wait_for_records(grader, log, random.randrange(14))
    if grader.poll() is not None:
        return False
    children = psutil.Process(grader.pid).children(recursive=True)
    grader.kill()
    grader.wait()
    _, alive = psutil.wait_procs(children, timeout=60)  # what is just loading torch ends after that
    assert alive == []
    return True


def _wait_for_records(grader: subprocess.Popen, log: Path, number: int) -> None:
    """Return when the gradebook's log has been written to so many times, or the grader has ended."""
    before = _written(log)
    while grader.poll() is None and number:
        time.sleep(0.005)
        now = _written(log)
        number -= now != before
        before = now
    time.sleep(random.uniform(0, 0.2))


def _written(log: Path) -> int:
    return log.stat().st_mtime_ns if log.exists() else 0
