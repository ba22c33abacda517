"""A submission gets the points that its answers earn: no more, no fewer, and the same ones each time."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable

import locked_down
import pytest
import toy_lesson
import toys
from toy_lesson import GREEDY, NotPortable, handed_in, handed_in_to, right, source_of

from utils.exercises import all_exercises, registry
from utils.exercises.checking import assess
from utils.exercises.running import make_cases
from utils.grading import grader as grading
from utils.grading.grader import Grader, seed_of
from utils.grading.isolation import IsolationError
from utils.grading.records import NOTEBOOK_LIMIT, ExerciseGrade, Grade
from utils.lessons import LESSONS, Lesson, find_lesson
from utils.publishing.submission import ANSWER_LIMIT

NONCE = "0123456789abcdef"
EXERCISES = (*all_exercises(missing_ok=True), *toy_lesson.EXERCISES)
EVERY_LESSON = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
EVERY_EXERCISE = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course and the toys, as a grader is told of them."""
    with toy_lesson.defined():
        yield toy_lesson.build(tmp_path_factory.mktemp("solutions"), *LESSONS)


@pytest.fixture(scope="module")
def grader(course):
    """Isolated where this machine lets us, else trusting."""
    try:
        opened = Grader(slot=9200, **course)
    except IsolationError:
        opened = Grader(slot=9200, trust=True, **course)
    with opened:
        yield opened


@pytest.fixture
def grade(grader):
    """A function that grades answers to the toys, by exercise, or the bytes of a notebook."""

    def graded(answers: dict[str, str] | bytes, *, nonce: str = NONCE) -> Grade:
        content = answers if isinstance(answers, bytes) else handed_in(answers)
        return grader.grade(content, "ada.ipynb", nonce)

    return graded


def the(grade: Grade, exercise) -> ExerciseGrade:
    assert grade.problem == ""
    return next(found for found in grade.exercises if found.exercise == exercise.id)


def answered(exercise, source: str) -> bytes:
    """The notebook in which this exercise alone is answered."""
    if exercise in toy_lesson.EXERCISES:
        return handed_in({exercise.id: source})
    lesson = next(lesson for lesson in LESSONS if lesson.id == exercise.lesson)
    return handed_in_to(lesson, {exercise.id: source})


def untimed(grade: Grade) -> Grade:
    return dataclasses.replace(grade, seconds=0.0)


# the course's own notebooks -----------------------------------------------------------------------------------------


@EVERY_LESSON
def test_the_solution_of_every_lesson_earns_all_its_points(lesson, grade):
    found = grade(lesson.solution.read_bytes())
    assert found.problem == ""
    assert {one.exercise: (one.status, one.feedback) for one in found.exercises if one.status != "passed"} == {}
    assert found.earned == found.points > 0
    assert found.lesson == lesson.id


@EVERY_LESSON
def test_the_learners_notebook_of_every_lesson_earns_nothing_and_is_all_to_do(lesson, grade):
    found = grade(lesson.notebook.read_bytes())
    assert {one.status for one in found.exercises} == {"to do"}
    assert {one.feedback for one in found.exercises} == {"This is still to do."}
    assert (found.earned, found.problem) == (0, "")
    assert found.points == grade(lesson.solution.read_bytes()).points


@EVERY_LESSON
def test_every_exercise_that_is_defined_is_in_its_lessons_notebook(lesson, grade):
    graded = {one.exercise: (one.title, one.points) for one in grade(lesson.solution.read_bytes()).exercises}
    defined = [exercise for exercise in all_exercises(missing_ok=True) if exercise.lesson == lesson.id]
    assert graded == {exercise.id: (exercise.title, exercise.points) for exercise in defined}


def test_every_kind_of_exercise_can_be_answered_rightly(grade):
    found = grade(right())
    assert {one.exercise: one.status for one in found.exercises if one.status != "passed"} == {}
    assert found.earned == toy_lesson.POINTS


@EVERY_EXERCISE
def test_other_right_answers_earn_all_points_too(exercise, grade):
    for answer in exercise.alternatives:
        try:
            source = source_of(exercise, answer)
        except NotPortable:
            continue
        assert the(grade(answered(exercise, source)), exercise).status == "passed"


def mistakes(exercise) -> list:
    """Its misconceptions, with the source of someone who holds them; without those that have none of their own."""
    found = []
    for wrong in exercise.misconceptions:
        try:
            found.append((wrong, source_of(exercise, wrong.answer)))
        except NotPortable:
            continue
    return found


@EVERY_EXERCISE
def test_every_misconception_is_told_and_earns_what_the_definition_says(exercise, grade):
    told = {}
    for wrong, source in mistakes(exercise):
        found = the(grade(answered(exercise, source)), exercise)
        told[wrong.name] = (found.status, found.misconception, found.feedback, found.earned)
    expected = {}
    for wrong, _ in mistakes(exercise):
        verdict = assess(exercise, wrong.answer, seed=0).verdict
        expected[wrong.name] = (verdict.status, wrong.name, wrong.sentence, verdict.earned)
        if wrong.planted:
            expected[wrong.name] = ("to do", "", "This is still to do.", 0.0)
    assert told == expected


def test_nearly_every_misconception_of_the_course_is_tried():
    of_course = all_exercises(missing_ok=True)
    tried = sum(len(mistakes(exercise)) for exercise in of_course)
    assert tried >= 0.9 * sum(len(exercise.misconceptions) for exercise in of_course)


# the same each time -------------------------------------------------------------------------------------------------


def mixed() -> dict[str, str]:
    return right(attention="def attention(query, key, scale):\n    return query", numbers="numbers = 1024", choice="x")


def test_the_same_nonce_gives_the_same_grade_to_the_last_bit(grade):
    first, second = grade(mixed()), grade(mixed())
    assert untimed(first) == untimed(second)
    assert json.dumps(untimed(first).as_dict()) == json.dumps(untimed(second).as_dict())


def test_another_grader_gives_the_same_grade(grade, course):
    first = grade(mixed())
    with Grader(slot=9201, trust=True, **course) as other:
        assert untimed(other.grade(handed_in(mixed()), "ada.ipynb", NONCE)) == untimed(first)


def test_a_grade_that_was_kept_is_the_grade(grade):
    found = grade(mixed())
    assert Grade.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_what_is_no_answer_changes_nothing(grade):
    content = json.loads(handed_in(mixed()))
    for cell in content["cells"]:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "0.1.91: passed, 3 points"}]
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception"]
        cell["execution_count"] = 99
    content["cells"].insert(0, {"cell_type": "code", "id": "mine", "metadata": {}, "source": "1 / 0"})
    content["cells"].reverse()
    content["metadata"]["kernelspec"] = {"name": "none"}
    assert untimed(grade(json.dumps(content).encode())) == untimed(grade(mixed()))


def test_seeds_follow_from_nonce_answers_and_exercise_and_from_each_of_them():
    seed = seed_of(NONCE, "digest", "2.3.1")
    assert seed == seed_of(NONCE, "digest", "2.3.1")
    assert 0 <= seed < 2**56
    others = {seed_of("other", "digest", "2.3.1"), seed_of(NONCE, "other", "2.3.1"), seed_of(NONCE, "digest", "2.3.2")}
    assert len({seed, *others}) == 4


def test_another_nonce_and_another_answer_draw_other_cases(grade, monkeypatch):
    seeds = []

    def remember(exercise, seed):
        seeds.append((exercise.id, seed))
        return make_cases(exercise, seed)

    monkeypatch.setattr(grading, "make_cases", remember)
    grade(right())
    grade(right(), nonce="another")
    grade(right(attention="def attention(query, key, scale):\n    return 0"))
    assert len(set(seeds)) == len(seeds) == 3 * len(toy_lesson.EXERCISES)


def test_an_answer_learned_by_heart_is_worth_nothing_under_another_nonce(grade):
    """It knows what the reference gives on the cases of one nonce; the hidden ones are others."""
    digest = "whatever it was"
    cases = make_cases(toys.BUG, seed_of(NONCE, digest, toys.BUG.id))
    known = [toys.BUG.reference(*case.args).tolist() for case in cases]
    source = (
        f"import torch\n\nknown = iter({known!r})\n\ndef mean_of_rows(table):\n    return torch.tensor(next(known))"
    )
    assert the(grade({toys.BUG.id: source}), toys.BUG).earned == 0


# points in part, and one exercise beside another --------------------------------------------------------------------


def test_each_part_of_an_exercise_that_is_right_earns_its_share(grade):
    source = source_of(toys.FUNCTION) + (
        "\n\nwhole = attention\n\ndef attention(query, key, scale):\n"
        "    return whole(query, key, scale) * (len(query) == 4)"
    )
    found = the(grade(right(attention=source)), toys.FUNCTION)
    assert found.groups == {"few": True, "many": False}
    assert (found.status, found.earned, found.points) == ("not yet", 1.5, 3)


def test_parts_are_named_only_where_there_are_some(grade):
    found = grade(right())
    assert the(found, toys.FUNCTION).groups == {"few": True, "many": True}
    assert the(found, toys.BUG).groups == {}


FAILS = {
    "wrong": ("def attention(query, key, scale):\n    return query", "not yet"),
    "raises": ("def attention(query, key, scale):\n    raise ValueError", "crashed"),
    "does not compile": ("def attention(:", "crashed"),
    "never ends": ("def attention(query, key, scale):\n    while True:\n        pass", "too slow"),
    "ends the process": ("import os\nos._exit(0)", "crashed"),
    "to do": ("attention = ...", "to do"),
    "defines something else": ("def attend():\n    pass", "not yet"),
    "spoils torch for those that follow": ("import torch\ntorch.Tensor.float = torch.nn = None", "not yet"),
}


@pytest.mark.parametrize("what", FAILS)
def test_an_answer_that_fails_costs_itself_alone(what, grade):
    source, status = FAILS[what]
    found = grade(right(attention=source))
    assert the(found, toys.FUNCTION).status == status
    assert the(found, toys.FUNCTION).earned == 0
    assert found.earned == toy_lesson.POINTS - toys.FUNCTION.points


def test_a_later_answer_may_use_an_earlier_one_even_when_another_ends_the_process(grade):
    helper = source_of(toys.FUNCTION) + "\n\ndef rows(table):\n    return table.float()"
    uses = "def mean_of_rows(table):\n    return rows(table).mean(dim=1)"
    found = grade(right(attention=helper, Gate="import os\nos._exit(0)", mean_of_rows=uses))
    assert the(found, toys.MODULE).status == "crashed"
    assert the(found, toys.BUG).status == "passed"


def test_the_answer_is_kept_as_it_was_graded(grade):
    found = grade({toys.NUMBER.id: "numbers = 1024  # I think"})
    assert the(found, toys.NUMBER).answer == "numbers = 1024  # I think"
    assert the(found, toys.FUNCTION).answer == ""
    assert "is missing" in the(found, toys.FUNCTION).feedback


def test_an_answer_in_two_cells_is_told_in_a_note(grade):
    content = json.loads(handed_in(right()))
    second = {**content["cells"][0], "id": "again", "source": "attention = attention"}
    content["cells"].append(second)
    found = grade(json.dumps(content).encode())
    assert found.earned == toy_lesson.POINTS
    assert "answered in 2 cells" in found.notes[0]


def test_a_run_that_was_lost_is_no_fault_of_the_answers(grader, grade):
    grader._sandbox._control.close() if hasattr(grader._sandbox, "_control") else pytest.skip("nothing is kept running")
    assert grade(right()).earned == toy_lesson.POINTS


# the course's own faults --------------------------------------------------------------------------------------------


def test_an_exercise_that_is_not_defined_is_not_graded_and_the_rest_is(grade, monkeypatch):
    monkeypatch.delitem(registry._registered, toys.NUMBER.id)
    found = grade(right())
    missing = the(found, toys.NUMBER)
    assert (missing.status, missing.earned, missing.points) == ("not graded", 0.0, toys.NUMBER.points)
    assert "that is not your fault" in missing.feedback
    assert "there is no exercise '0.1.93'" in missing.feedback
    assert found.earned == toy_lesson.POINTS - toys.NUMBER.points


def fails(table):
    raise ZeroDivisionError


def never_ends(table):
    while True:
        pass


BROKEN = {
    "gives no case": {"cases": lambda rng: []},
    "has a reference that fails": {"reference": fails},
    "has a reference that never ends": {"reference": never_ends, "time_limit": 0.2},
}


@pytest.mark.parametrize("how", BROKEN)
def test_an_exercise_whose_definition_is_broken_is_not_graded_and_the_rest_is(how, grade):
    with toy_lesson.defined(dataclasses.replace(toys.BUG, **BROKEN[how])):
        found = grade(right())
    assert the(found, toys.BUG).status == "not graded"
    assert toys.BUG.id in the(found, toys.BUG).feedback
    assert found.earned == toy_lesson.POINTS - toys.BUG.points


def test_a_lesson_that_is_not_built_keeps_nobody_from_being_graded(course):
    lessons = (toy_lesson.UNBUILT, *course["lessons"])
    with Grader(slot=9203, trust=True, lessons=lessons, solutions=course["solutions"]) as opened:
        assert opened.grade(handed_in(right()), "ada.ipynb", NONCE).earned == toy_lesson.POINTS
        unbuilt = handed_in({}).replace(b'"0.9"', b'"0.8"')
        assert "run `course build`" in opened.grade(unbuilt, "ada.ipynb", NONCE).problem


# notebooks in any state ---------------------------------------------------------------------------------------------

UNUSABLE = {
    "empty": (b"", "is not JSON"),
    "not JSON": (b"hello", "is not JSON"),
    "half of it": (handed_in({})[:-20], "is not JSON"),
    "a list": (b"[]", "is not a notebook"),
    "nested without end": (b'{"cells": ' + b"[" * 1_000_000, "nested too deeply"),
    "a number without end": (b'{"cells": ' + b"9" * 1_000_000 + b"}", "is not a notebook"),
    "not UTF-8": ('{"cells": "é"}'.encode("latin-1"), "is not UTF-8"),
    "UTF-16": (handed_in({}).decode().encode("utf-16"), "is not UTF-8"),
    "null bytes": (b"\0" * 1000, "is not JSON"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not UTF-8"),
    "no cells": (b'{"nbformat": 4}', "has no list of cells"),
    "a cell that is none": (b'{"nbformat": 4, "cells": [null]}', "cell 1 of"),
    "millions of cells": (b'{"nbformat": 4, "cells": [' + b"{}," * 1_000_000 + b"{}]}", "the limit is"),
    "newer than we know": (b'{"nbformat": 99, "cells": []}', "update the course"),
    "another course's": (b'{"nbformat": 4, "cells": []}', "is not a notebook of this course"),
    "a lesson that does not exist": (handed_in({}).replace(b'"0.9"', b'"99.1"'), "says it is lesson '99.1'"),
    "too large": (b" " * (NOTEBOOK_LIMIT + 1), f"the limit is {NOTEBOOK_LIMIT}"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_notebook_that_cannot_be_graded_is_told_with_its_name_and_is_no_error(what, grade):
    content, said = UNUSABLE[what]
    found = grade(content)
    assert said in found.problem
    assert "ada.ipynb" in found.problem
    assert len(found.problem) < 600
    assert (found.lesson, found.exercises, found.earned) == ("", (), 0)


def without_ids(content: dict) -> None:
    for cell in content["cells"]:
        del cell["id"]


def of_version_3(content: dict) -> None:
    cells = content.pop("cells")
    for cell in cells:
        cell["input"] = cell.pop("source")
        del cell["id"]
    content.update(nbformat=3, worksheets=[{"cells": cells, "metadata": {}}])


def in_lines(content: dict) -> None:
    for cell in content["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)


def without_metadata(content: dict) -> None:
    content["metadata"] = {}
    for cell in content["cells"]:
        cell["metadata"] = {}


def with_odd_numbers(content: dict) -> None:
    content["metadata"]["score"] = [float("nan"), float("inf"), -float("inf"), 10**4000, 1e308]


def with_odd_text(content: dict) -> None:
    content["metadata"]["\ud800"] = "\0\ud83d\u202e\x1b[2J"
    content["cells"].append({"cell_type": "\ud800", "id": "\0", "source": "\ud800", "metadata": {"tags": {}}})


SAVED: dict[str, Callable[[dict], None]] = {
    "without ids of cells": without_ids,
    "as nbformat 3": of_version_3,
    "as lists of lines": in_lines,
    "without metadata": without_metadata,
    "with NaN, infinity and a giant number": with_odd_numbers,
    "with text that is none": with_odd_text,
}


@pytest.mark.parametrize("how", SAVED)
def test_a_notebook_that_was_saved_otherwise_earns_the_same(how, grade):
    content = json.loads(handed_in(right()))
    SAVED[how](content)
    found = grade(json.dumps(content).encode())
    assert (found.problem, found.earned) == ("", toy_lesson.POINTS)


def test_a_byte_order_mark_does_no_harm(grade):
    assert grade(b"\xef\xbb\xbf" + handed_in(right())).earned == toy_lesson.POINTS


ANSWERS = {
    "null bytes": "attention = 1\0",
    "a lone surrogate": "attention = '\ud800'",
    "nothing": "",
    "blanks": " \n\t\n ",
    "form feeds and separators": "\f\nattention\x1c = \u2028 1",
    "an emoji": "attention = 🙂",
    "nested without end": "attention = " + "(" * 5_000,
    "a sum without end": "attention = " + "1+" * 8_000 + "1",
    "a name without end": "x" * ANSWER_LIMIT,
    "longer than is allowed": "x = 1\n" * ANSWER_LIMIT,
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_is_hardly_text_costs_itself_alone(what, grade):
    found = grade(right(attention=ANSWERS[what]))
    assert the(found, toys.FUNCTION).earned == 0
    assert found.earned == toy_lesson.POINTS - toys.FUNCTION.points


@EVERY_LESSON
def test_answers_as_long_as_is_allowed_are_graded_and_do_not_break_the_run(lesson, grade):
    """As the protocol writes it, a character outside the basic plane takes twelve bytes."""
    exercises = [exercise for exercise in all_exercises(missing_ok=True) if exercise.lesson == lesson.id]
    long = "'" + "🙂" * (ANSWER_LIMIT - 2) + "'"
    found = grade(handed_in_to(lesson, {exercise.id: long for exercise in exercises}))
    assert {one.status for one in found.exercises} == {"not yet"}


# nothing of the hidden cases in what learners read ------------------------------------------------------------------

SECRET = "7142"
TELLTALES = {
    "the name of an error": f"raise type('Secret' + str({SECRET}), (Exception,), {{}})('x')",
    "the message of an error": f"raise ValueError(str({SECRET}))",
    "a shape": f"import torch\n    return torch.zeros({SECRET}, 1)",
    "a dtype and a shape": f"import torch\n    return torch.zeros({SECRET}, dtype=torch.int8)",
    "a key": f"return {{str({SECRET}): 1}}",
    "a length": f"return [0] * {SECRET}",
    "a text": f"return str({SECRET}) * 2",
    "the name of a type": f"return type('Secret' + str({SECRET}), (), {{}})()",
    "a number": f"return {SECRET}.0",
    "what is printed": f"print({SECRET})",
    "a warning": f"import warnings\n    warnings.warn(str({SECRET}))",
    "a function's name": f"f = lambda: 0\n    f.__name__ = str({SECRET})\n    return f",
    "a stub's message": f"raise NotImplementedError('exercise ' + str({SECRET}))",
    "leaving with a number": f"raise SystemExit({SECRET})",
}


@pytest.mark.parametrize("how", TELLTALES)
def test_an_answer_cannot_carry_out_what_it_has_seen(how, grade):
    """The line of its source in which it failed is quoted; nothing that it made up while it ran is."""
    disguised = TELLTALES[how].replace(SECRET, "(7000 + 142)")
    found = the(grade({toys.FUNCTION.id: f"def attention(query, key, scale):\n    {disguised}"}), toys.FUNCTION)
    assert found.earned == 0
    for text in (found.feedback, found.misconception, *found.groups):
        assert SECRET not in text
        assert "Secret" not in text.partition(" of the answer: ")[0]


# a tune, whose settings are measured on our side --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"bytes": 10**14, "steps": 1}, "crashed"),
        ({"bytes": 1, "steps": 10**15}, "too slow"),
        ({"bytes": "many", "steps": 1}, "not yet"),
        ({"bytes": [], "steps": 1}, "crashed"),
        ({"bytes": 10**400, "steps": 1}, "crashed"),
        ({"bytes": 1, "steps": -1}, "not yet"),
        ({"bytes": float("nan"), "steps": 1}, "not yet"),
        ({"bytes": 1}, "not yet"),
        ({"bytes": 1, "steps": 1, "more": 1}, "not yet"),
        ([1, 1], "not yet"),
        (None, "not yet"),
        ({"bytes": 1, "steps": 1}, "passed"),
    ],
)
def test_settings_of_any_kind_are_measured_within_limits(settings, status, grade):
    found = the(grade({GREEDY.id: f"nan = float('nan')\ngreed = {settings!r}"}), GREEDY)
    assert (found.status, found.earned) == (status, GREEDY.points if status == "passed" else 0)
    assert found.feedback or status == "passed"


def test_measuring_takes_nothing_of_the_graders_own_memory(grade):
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grade({GREEDY.id: f"greed = {{'bytes': {2 * 10**9}, 'steps': 1}}"})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes, of two gigabytes


# other ways to run --------------------------------------------------------------------------------------------------


def graded_solutions(opened: Grader, lessons: Iterable[Lesson]) -> dict[str, tuple[float, str]]:
    """The share of the points that each lesson's solution earns, and what kept it from more."""
    grades = {lesson.id: opened.grade(lesson.solution.read_bytes(), lesson.id, NONCE) for lesson in lessons}
    return {identifier: (found.earned / found.points, found.problem) for identifier, found in grades.items()}


@pytest.mark.skipif(sys.platform != "linux", reason="takes system calls away, on Linux alone")
def test_every_solution_earns_all_its_points_where_namespaces_are_refused_too(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(locked_down.make_interpreter(tmp_path)))
    with pytest.raises(IsolationError, match="was refused"):
        Grader(slot=9202)
    with Grader(slot=9202, trust=True) as opened:
        assert graded_solutions(opened, LESSONS) == {lesson.id: (1.0, "") for lesson in LESSONS}


def test_a_solution_of_every_kind_earns_all_its_points_on_another_system_too(monkeypatch):
    """There each notebook gets a Python of its own, which takes seconds to start: a lesson for each kind will do."""
    of_kind = {exercise.kind: exercise.lesson for exercise in reversed(all_exercises(missing_ok=True))}
    assert {"function", "module", "number", "choice", "bug", "tune"} <= of_kind.keys()
    lessons = [find_lesson(identifier) for identifier in sorted(set(of_kind.values()))]
    monkeypatch.setattr(sys, "platform", "darwin")
    with Grader(trust=True) as opened:
        assert graded_solutions(opened, lessons) == {lesson.id: (1.0, "") for lesson in lessons}


# what importing takes -----------------------------------------------------------------------------------------------

LIGHT = ("records", "submissions", "gradebook", "session", "executors", "watching", "worker", "results", "exporting")


def test_parts_that_do_not_grade_do_not_load_torch():
    script = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n    importlib.import_module(f'utils.grading.{{name}}')\n"
        "print([name for name in ('torch', 'nbformat', 'IPython', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


ABSENT = ("resource", "fcntl", "pwd", "grp", "termios")
IMPORTS_ALL = f"""
import importlib, importlib.abc, os, pkgutil, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {ABSENT!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in ("fork", "geteuid", "getuid", "setsid", "pidfd_open"):
    delattr(os, name) if hasattr(os, name) else None

import utils.grading

for module in pkgutil.iter_modules(utils.grading.__path__):
    if module.name not in ("cluster", "nbgrader_config"):  # they need what an extra brings
        importlib.import_module(f"utils.grading.{{module.name}}")
        print(module.name)
"""


def test_every_part_can_be_imported_where_linux_own_modules_are_missing():
    done = subprocess.run([sys.executable, "-c", IMPORTS_ALL], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    assert {"grader", "sandbox", "isolation", "zygote", "fresh", "worker"} <= set(done.stdout.split())


def test_importing_warns_of_nothing_and_starts_nothing():
    script = "import os, threading, utils.grading.grader\nprint(threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=dict(os.environ),
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")
