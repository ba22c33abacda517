"""How fast ours grades beside nbgrader's autograde and otter-grader 7, and what each gives to whom.

    python tests/benchmarks/grading_speed.py [--class-size 200] [--learners 12] [--slots 2] [--otter PYTHON]
    python tests/benchmarks/grading_speed.py --flat 10 100 500 2000

The same notebooks of lesson 0.1, three exercises, go to all, and each may run as many at a time as there are slots:
nbgrader as so many commands, each with its share of the class; otter as so many runs at a time. All take turns, round
by round, and a ratio is the median over rounds: whatever else the machine does slows all alike. A command is timed
from its start to its end. nbgrader and otter start a kernel for every notebook, so what one costs them hardly depends
on the class: they get one of --learners, ours one of --class-size. What ours costs by size is told by --flat.

otter gets an environment of its own, made with pip for the occasion (a minute) where --otter names none; it sees this
environment's packages behind its own, so that torch is installed once. Its checks ask the same of the answers as ours:
the exercise definitions are the same for all three.

Memory is the largest sum of proportional set sizes (PSS) of all processes of a grader, by slot; Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))

import submitted
from submitted import LESSON, POINTS, RIGHT, WRONG

from utils.exercises.registry import lesson_exercises

ASSIGNMENT = "lesson_0_1"
OTTER = "otter-grader>=7,<8"
BAR = 10.0  # ours over nbgrader, submissions a second
NONCE = "0" * 32

# what is handed in, and the points that are due
PEOPLE: dict[str, tuple[Mapping[str, str], int]] = {
    "right": (RIGHT, POINTS),
    "wrong": (WRONG, 0),
    "untouched": ({}, 0),
    "right, with a line on stderr": (submitted.LOGS, POINTS),
    "right but for an endless loop": (submitted.LOOPS, POINTS - 2),
    "right but for os._exit": (submitted.EXITS, POINTS - 1),
    "wrong, patches torch.allclose": (submitted.ALL_IS_CLOSE, 0),
    "wrong, patches the comparison": (submitted.ALL_IS_EQUAL, 0),
    "wrong, replaces check": (submitted.NO_CHECK, 0),
    "reads the references": (submitted.READS_REFERENCE, 0),
}

Handed = Mapping[str, str]  # learner: the text of the notebook
Points = dict[str, float | None]  # learner: points, None where there is no grade


class Grader(Protocol):
    """A contestant: grades a class in a new folder, `slots` at a time, and returns the points."""

    def __call__(self, folder: Path, handed: Handed, slots: int) -> Points: ...


def run(command: Sequence[object], folder: Path, *, fails: bool = False) -> str:
    """Run a command and return what it printed; unless it is one that `fails` now and then, failing ends the script."""
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"  # as in an activated environment
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode and not fails:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return ran.stdout


def ours(folder: Path, handed: Handed, slots: int) -> Points:
    """`course grade`, from the command to its last table."""
    for learner, text in handed.items():
        _write(folder / "submitted" / learner / ASSIGNMENT / LESSON.notebook.name, text)
    program = "import sys; from utils.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "grade", "submitted", "--out", "grades", "--nonce", NONCE]
    with _clock():
        run([*command, "--slots", slots], folder)
    lines = map(json.loads, (folder / "grades" / "grades.jsonl").read_text(encoding="utf-8").splitlines())
    return {line["learner"]: line.get("earned") for line in lines}


def nbgrader(folder: Path, handed: Handed, slots: int) -> Points:
    """`nbgrader autograde`, as many commands at once as there are slots."""
    from nbgrader.api import Gradebook, MissingEntry

    _write(
        folder / "nbgrader_config.py",
        "from utils.grading.nbgrader_config import configure\n\nconfigure(get_config())\n",
    )
    _write(folder / "source" / ASSIGNMENT / LESSON.notebook.name, LESSON.notebook.read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "nbgrader"]
    run([*command, "generate_assignment", ASSIGNMENT], folder)
    names = {f"{number % slots}-{number}": learner for number, learner in enumerate(handed)}
    for name, learner in names.items():
        _write(folder / "submitted" / name / ASSIGNMENT / LESSON.notebook.name, handed[learner])
    with _clock(), ThreadPoolExecutor(slots) as pool:
        shares = [[*command, "autograde", ASSIGNMENT, "--student", f"{slot}-*"] for slot in range(slots)]
        list(pool.map(lambda share: run(share, folder, fails=True), shares))
    points: Points = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        for name, learner in names.items():
            graded = (folder / "autograded" / name / ASSIGNMENT / LESSON.notebook.name).exists()
            try:
                points[learner] = gradebook.find_submission(ASSIGNMENT, name).score if graded else None
            except MissingEntry:
                points[learner] = None
    return points


@dataclass(frozen=True)
class Otter:
    """`otter run`, once a submission, as many at once as there are slots; `python` is that of otter's environment."""

    python: Path

    def __call__(self, folder: Path, handed: Handed, slots: int) -> Points:
        """Grade a class."""
        for exercise in lesson_exercises(LESSON.id):
            _write(folder / "tests" / f"{_question(exercise.id)}.py", _otter_test(exercise))
        otter = [self.python, "-m", "otter"]
        run([*otter, "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment", "--no-config"], folder)
        for number, text in enumerate(handed.values()):
            _write(folder / str(number) / LESSON.notebook.name, _for_otter(text))

        def grade(number: int) -> float | None:
            here = folder / str(number)
            command = [*otter, "run", LESSON.notebook.name, "-a", folder / "autograder.zip", "-o", ".", "--no-logo"]
            run(command, here, fails=True)
            try:
                tests = json.loads((here / "results.json").read_text(encoding="utf-8"))["tests"]
            except FileNotFoundError:
                return None
            scores = [test["score"] for test in tests if test.get("score") is not None]
            return sum(scores) if scores else None

        with _clock(), ThreadPoolExecutor(slots) as pool:
            return dict(zip(handed, pool.map(grade, range(len(handed))), strict=True))


def _otter_test(exercise) -> str:
    number = exercise.id
    return f"""from otter.test_files import test_case

OK_FORMAT = False
name = "{_question(number)}"
points = {exercise.points}


@test_case(points={exercise.points}, hidden=True)
def test_answer({exercise.entry}):
    from utils.exercises.checking import assess
    from utils.exercises.registry import find_exercise

    assert assess(find_exercise("{number}"), {exercise.entry}).verdict.passed
"""


def _for_otter(text: str) -> str:
    """The notebook with otter's checks in place of the course's: they must not both cost their time."""
    notebook = json.loads(text)
    for cell in filter(submitted.is_check, notebook["cells"]):
        cell["metadata"]["otter"] = {"tests": [_question(cell["metadata"]["course"]["check"])]}
        cell["source"] = ""
    return json.dumps(notebook)


def _question(exercise: str) -> str:
    return f"q{exercise.rpartition('.')[2]}"


@contextmanager
def otter_environment(given: Path | None) -> Iterator[Path]:
    """Give the Python of an environment with otter: the `given` one, or one made here that goes with this context."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="otter-") as folder:
        print("installing otter-grader into an environment of its own ...", flush=True)
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin" if os.name != "nt" else "Scripts", "python")
        run([python, "-m", "pip", "install", "--quiet", OTTER], Path(folder))
        site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], Path(folder)).strip()
        behind = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"  # its .pth files too
        _write(Path(site, "behind.pth"), behind)
        yield python


@dataclass(frozen=True)
class Seconds:
    """By the clock on the wall, and of CPU time in all processes that were started (0 on Windows, which keeps none)."""

    wall: float
    cpu: float

    def __truediv__(self, number: float) -> Seconds:
        return Seconds(self.wall / number, self.cpu / number)


_clocked: list[Seconds] = []


@contextmanager
def _clock() -> Iterator[None]:
    """Time what is graded, and not the writing of the class before it."""
    before, start = os.times(), time.perf_counter()
    yield
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    _clocked.append(Seconds(wall, cpu))


def timed(grader: Grader, handed: Handed, slots: int) -> tuple[Seconds, Points]:
    """Grade a class in a folder of its own; return the seconds that it took, and the points."""
    with tempfile.TemporaryDirectory(prefix="class-") as folder:
        points = grader(Path(folder), handed, slots)
    return _clocked.pop(), points


def a_class(learners: int) -> dict[str, str]:
    """Right notebooks, none the same as another."""

    def answers(number: int) -> dict[str, str]:
        code = f"mean_{number} = picture.float().mean()\n    return mean_{number}.item() / 255"
        return {**RIGHT, "0.1.1": f"def brightness(picture):\n    {code}"}

    return {f"learner-{number:04}": submitted.notebook(answers(number)) for number in range(learners)}


def measure(
    graders: Mapping[str, Grader], sizes: Mapping[str, int], slots: int, rounds: int
) -> dict[str, list[Seconds]]:
    """Let all take turns, `rounds` times; return the seconds that a submission cost each of them, round by round."""
    found: dict[str, list[Seconds]] = {name: [] for name in graders}
    for _ in range(rounds):
        for name, grader in graders.items():
            seconds, points = timed(grader, a_class(sizes[name]), slots)
            assert list(points.values()) == [POINTS] * sizes[name], f"{name} gives {points}"
            found[name].append(seconds / sizes[name])
    return found


def ratio(theirs: Sequence[float], mine: Sequence[float]) -> float:
    """How many times as much they took as we: the median over rounds."""
    return statistics.median(one / other for one, other in zip(theirs, mine, strict=True))


def memory_of(grader: Grader, handed: Handed, slots: int) -> float | None:
    """Return the most megabytes (PSS) that the grader's processes held together, None where the system does not say."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    most, done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.2):
            most = max(most, sum(map(_pss, _descendants(os.getpid()))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        timed(grader, handed, slots)
    finally:
        done.set()
        watcher.join()
    return most / 1e3


def _descendants(pid: int) -> set[int]:
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
    found, fresh = set(), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh}
        found |= fresh
    return found


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended, or is not ours to look into
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)


def speed_lines(
    found: Mapping[str, Sequence[Seconds]],
    sizes: Mapping[str, int],
    slots: int,
    memory: Mapping[str, float | None],
) -> list[str]:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    rounds = len(found["ours"])
    shown = [
        f"lesson {LESSON.id}, three exercises, {slots} slots, {os.cpu_count()} cores, {rounds} rounds{load}",
        f"  {'':10}{'class of':>9}{'submissions/s':>15}{'s/submission':>14}{'CPU-s/submission':>18}{'MB/slot':>9}",
    ]
    wall = {name: [one.wall for one in seconds] for name, seconds in found.items()}
    cpu = {name: [one.cpu for one in seconds] for name, seconds in found.items()}
    for name, size in sizes.items():
        each, work = statistics.median(wall[name]), statistics.median(cpu[name])
        megabytes = "-" if memory.get(name) is None else f"{memory[name] / slots:.0f}"
        shown.append(f"  {name:10}{size:9}{1 / each:15.2f}{each:14.3f}{work:18.3f}{megabytes:>9}")
    for name in sizes:
        if name != "ours":
            times, less = ratio(wall[name], wall["ours"]), ratio(cpu[name], cpu["ours"])
            bar = f", bar {BAR:.0f}: {'met' if times >= BAR else 'NOT met'}" if name == "nbgrader" else ""
            shown.append(f"  ours over {name}: {times:.1f} times the submissions a second{bar}; by CPU time {less:.1f}")
    return shown


def points_lines(graders: Mapping[str, Grader], slots: int) -> list[str]:
    """A table of who is given how many points."""
    handed = {folder_name(person): submitted.notebook(answers) for person, (answers, _) in PEOPLE.items()}
    given = {name: timed(grader, handed, slots)[1] for name, grader in graders.items()}
    shown = [f"  {f'points of {POINTS}':34}{'due':>5}" + "".join(f"{name:>10}" for name in given)]
    for person, (_, due) in PEOPLE.items():
        cells = [points.get(folder_name(person)) for points in given.values()]
        numbers = "".join(f"{'none' if points is None else f'{points:g}':>10}" for points in cells)
        shown.append(f"  {person:34}{due:5}{numbers}")
    return shown


def folder_name(person: str) -> str:
    """A person of `PEOPLE` as a name that all graders take."""
    return "".join(letter for letter in person if letter.isalnum())


def flat_lines(sizes: Sequence[int], slots: int) -> Iterator[str]:
    """What ours costs in classes of these sizes: the whole, a submission, and each one beyond the class before."""
    yield f"ours, {slots} slots, {os.cpu_count()} cores"
    yield f"  {'class of':>8}{'seconds':>9}{'s/submission':>14}{'CPU-s':>8}{'s each more':>13}{'CPU-s each more':>17}"
    before = (0, Seconds(0, 0))
    for size in sizes:
        seconds, points = timed(ours, a_class(size), slots)
        assert list(points.values()) == [POINTS] * size
        line = f"  {size:8}{seconds.wall:9.1f}{seconds.wall / size:14.3f}{seconds.cpu:8.1f}"
        if before[0]:
            more = size - before[0]
            line += f"{(seconds.wall - before[1].wall) / more:13.3f}{(seconds.cpu - before[1].cpu) / more:17.3f}"
        yield line
        before = (size, seconds)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--class-size", type=int, default=200, help="learners in the class that ours grades")
    parser.add_argument("--learners", type=int, default=12, help="learners in the class that the others grade")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--without-otter", action="store_true")
    parser.add_argument("--otter", type=Path, metavar="PYTHON", help="of an environment with otter-grader 7")
    parser.add_argument("--flat", type=int, nargs="+", metavar="N", help="instead: what ours costs in classes of N")
    options = parser.parse_args()
    if options.flat:
        for line in flat_lines(options.flat, options.slots):
            print(line, flush=True)
        return
    graders: dict[str, Grader] = {"ours": ours, "nbgrader": nbgrader}
    with ExitStack() as stack:
        if not options.without_otter:
            graders["otter"] = Otter(stack.enter_context(otter_environment(options.otter)))
        print("\n".join(points_lines(graders, options.slots)), flush=True)
        sizes = {name: options.class_size if name == "ours" else options.learners for name in graders}
        found = measure(graders, sizes, options.slots, options.rounds)
        memory = {
            name: memory_of(grader, a_class(2 * options.slots), options.slots) for name, grader in graders.items()
        }
        print("\n".join(speed_lines(found, sizes, options.slots, memory)), flush=True)


if __name__ == "__main__":
    main()
