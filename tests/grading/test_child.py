"""What an answer finds where it runs: the setup, IPython's habits, no course; and an outcome for each of its calls."""

import math

import pytest
from asking import ask, only_defined, part, problem_of, value_of

from utils.grading import sandbox as sandboxes
from utils.grading.isolation import IsolationError
from utils.grading.sandbox import FreshSandbox, RunEnded

PRELOAD = ("IPython.core.inputtransformer2", "numpy", "torch")


@pytest.fixture(scope="module")
def sandbox():
    """Isolated where this machine lets us, else as it would be on macOS."""
    try:
        opened = sandboxes.open_sandbox(9000, PRELOAD, trust=False)
    except IsolationError:
        opened = FreshSandbox(PRELOAD)
    yield opened
    opened.close()


# an ordinary answer -------------------------------------------------------------------------------------------------


def test_a_function_is_called_on_each_case(sandbox):
    (outcomes,) = ask(sandbox, part("def f(x):\n    return x * 2", 1, 2.5, "a"))
    assert outcomes == [{"value": value, "problem": None, "mutated": []} for value in (2, 5.0, "aa")]


def test_a_value_is_taken_as_it_is(sandbox):
    assert value_of(sandbox, "number = 3 * 4", entry="number", runs_as="value") == 12


def test_a_module_is_built_with_its_arguments_and_its_weights(sandbox):
    import torch

    source = (
        "import torch\n\nclass Scale(torch.nn.Module):\n"
        "    def __init__(self, width):\n        super().__init__()\n"
        "        self.by = torch.nn.Parameter(torch.zeros(width))\n\n"
        "    def forward(self, x):\n        return self.by * x"
    )
    case = {"args": (torch.ones(2),), "init": {"width": 2}, "weights": 1, "state": {"by": torch.tensor([2.0, 3.0])}}
    value = value_of(sandbox, source, entry="Scale", runs_as="module", cases=[case])
    assert value.tolist() == [2.0, 3.0]
    assert not value.requires_grad


def test_keyword_arguments_arrive_by_name(sandbox):
    assert value_of(sandbox, "def f(a, *, b):\n    return [a, b]", cases=[{"args": (1,), "kwargs": {"b": 2}}]) == [1, 2]


def test_inputs_that_were_changed_are_named(sandbox):
    (outcomes,) = ask(sandbox, part("def f(items):\n    items.append(0)\n    return 1", [5]))
    assert outcomes[0]["mutated"] == ["items"]


def test_what_is_returned_is_a_copy_at_that_moment(sandbox):
    source = "import torch\nkept = torch.zeros(1)\n\ndef f(x):\n    global kept\n    kept += 1\n    return kept"
    (outcomes,) = ask(sandbox, part(source, 1, 2))
    assert [outcome["value"].item() for outcome in outcomes] == [1.0, 2.0]


def test_a_later_answer_may_use_what_an_earlier_one_defines(sandbox):
    earlier = part("def twice(x):\n    return 2 * x", 1, entry="twice", name="9.9.1")
    later = part("def f(x):\n    return twice(x) + 1", 3, name="9.9.2")
    assert ask(sandbox, earlier, later)[1][0]["value"] == 7
    assert ask(sandbox, only_defined("def twice(x):\n    return 3 * x"), later)[0][0]["value"] == 10


def test_an_answer_that_defines_nothing_does_not_inherit_an_earlier_one_of_the_same_name(sandbox):
    first, second = part("def f():\n    return 1", name="9.9.1"), part("pass", name="9.9.2")
    outcomes = ask(sandbox, first, second)
    assert outcomes[0][0]["value"] == 1
    assert outcomes[1][0]["problem"]["kind"] == "answer"


def test_a_run_starts_from_the_same_random_state_each_time(sandbox):
    source = "import random, numpy, torch\n\ndrawn = [random.random(), numpy.random.rand(), torch.rand(1).item()]"
    first, second = (value_of(sandbox, source, entry="drawn", runs_as="value") for _ in range(2))
    assert first == second


# the notebook's habits ----------------------------------------------------------------------------------------------

SETUP = """
import math
from utils.exercises import check, hint, options, working
from utils.world import COLOURS, Scene, render_pictures
from utils.models import *
import utils.figures as figures

pictures = render_pictures([Scene()])
half = 0.5
"""
HABITS = {
    "the setup's modules and values": "def f():\n    return math.floor(half)",
    "a check below the answer": "def f():\n    return 0\n\ncheck('9.9.1', f)\nhint('9.9.1')\noptions('9.9.1')",
    "going on with what works": "def f():\n    return 0\n\nf = working('9.9.1', f)",
    "course names in annotations": "def f(scene: Scene = None) -> render_pictures:\n    return 0",
    "another import of the course": "from utils.training.loop import fit\n\ndef f():\n    return 0",
    "an experiment with the course below the answer": "def f():\n    return 0\n\nrender_pictures(COLOURS)",
    "an experiment that fails below the answer": "def f():\n    return 0\n\n1 / 0",
    "an assertion that fails below the answer": "def f():\n    return 0\n\nassert f() == 1",
    "magics": "%matplotlib inline\n%timeit 1 + 1\n!ls\n\ndef f():\n    return 0",
    "asking for help": "math.floor?\n\ndef f():\n    return 0",
    "the shell": "get_ipython().run_line_magic('time', '1')\n\ndef f():\n    return 0",
    "display": "display(half)\n\ndef f():\n    display(half)\n    return 0",
    "prints and warnings": "import sys, warnings\n\ndef f():\n    print('x' * 10**6)\n    "
    "print('y', file=sys.stderr)\n    warnings.warn('z')\n    return 0",
    "a plot": "import matplotlib.pyplot as plt\n\ndef f():\n    plt.plot([1, 2])\n    plt.show()\n    return 0",
    "a background thread": "import threading\n\ndef f():\n    threading.Thread(target=math.floor, args=(1,)).start()"
    "\n    return 0",
    "a memory error that is caught": "def f():\n    try:\n        bytearray(10**15)\n    except MemoryError:\n"
    "        return 0",
    "a main guard": "def f():\n    return 1\n\nif __name__ == '__main__':\n    def f():\n        return 0",
    "a dataclass": "from dataclasses import dataclass\n\n@dataclass\nclass Thing:\n    x: int = 0\n\n"
    "def f():\n    return Thing().x",
    "its own source": "import inspect\n\ndef f():\n    return inspect.getsource(f).count('never') - 1",
    "Windows' line ends": "def f():\r\n    return 0\r\n",
    "an experiment that fails above the answer": "1 / 0\n\ndef f():\n    return 0",
    "await": "import asyncio\n\nawait asyncio.sleep(0)\n\ndef f():\n    return 0",
    "annotations that nobody evaluates": "from __future__ import annotations\n\ndef f() -> NoSuchName:\n    return 0",
    "two definitions": "def f():\n    return 1\n\ndef f():\n    return 0",
}


@pytest.mark.parametrize("habit", HABITS)
def test_what_people_write_in_notebooks_runs(habit, sandbox):
    assert value_of(sandbox, HABITS[habit], setup=SETUP) == 0


@pytest.mark.parametrize("magic", ["%%time", "%%capture"])
def test_a_cell_below_a_magic_that_runs_it_is_run(magic, sandbox):
    assert value_of(sandbox, f"{magic}\ndef f():\n    return 0") == 0


USES = {
    "a function": "render_pictures([])",
    "an attribute": "Scene.of",
    "an item": "COLOURS[0]",
    "a loop": "list(COLOURS)",
    "a class that builds on it": "type('Mine', (), {}) and exec('class Mine(Scene): pass')",
    "a module": "figures.show_pictures([])",
    "the definitions": "__import__('utils.exercises').exercises.find_exercise('2.3.1')",
    "a file of it": "__import__('utils.exercises.definitions.lesson_2_3', fromlist=['EXERCISES']).EXERCISES[0]",
}


@pytest.mark.parametrize("use", USES)
def test_the_courses_own_code_is_not_there_and_its_use_is_told_as_that(use, sandbox):
    problem = problem_of(sandbox, f"def f():\n    return {USES[use]}", setup=SETUP)
    assert (problem["kind"], problem["type"]) == ("error", "CourseCodeAbsent")


def test_nothing_of_the_course_is_among_the_loaded_modules(sandbox):
    source = (
        "import sys\n\ndef f():\n    return [name for name, module in sys.modules.items() if "
        "name.partition('.')[0] == 'utils' and getattr(module, '__file__', None)]"
    )
    assert value_of(sandbox, source, setup=SETUP) == []


# answers that fail --------------------------------------------------------------------------------------------------

PROBLEMS = {
    "nothing is defined": ("pass", "answer", "", 0),
    "something else is defined": ("def g():\n    return 1", "answer", "", 0),
    "a value in place of a function": ("f = 3", "answer", "", 0),
    "a stub": ("def f():\n    raise NotImplementedError('exercise 9.9.1')", "to do", "NotImplementedError", 2),
    "dots": ("f = ...", "to do", "", 0),
    "dots within": ("def f():\n    ...\n    return ...", "to do", "", 0),
    "too few arguments": ("def f(a):\n    return a", "arguments", "", 0),
    "an error": ("def f():\n    x = 1\n    return x / 0", "error", "ZeroDivisionError", 3),
    "an error before anything is defined": ("half = 1 / 0\n\nf = half", "error", "ZeroDivisionError", 1),
    "leaving Python": ("def f():\n    raise SystemExit", "error", "SystemExit", 2),
    "an error of its own": ("class Mine(Exception):\n    pass\n\ndef f():\n    raise Mine", "error", "Mine", 5),
    "a syntax error": ("def f():\n    return (1", "error", "SyntaxError", 2),
    "wrong indentation": ("def f():\nreturn 1", "error", "IndentationError", 2),
    "a null byte": ("def f():\n    return 1\0", "error", None, 0),
    "a lone surrogate": ("def f():\n    return '\ud800'", "error", "UnicodeEncodeError", 0),
    "recursion without end": ("def f():\n    return f()", "error", "RecursionError", None),
    "too much memory": ("def f():\n    return bytearray(10**15)", "error", "MemoryError", 2),
    "no such module": ("import no_such_module\n\nf = no_such_module.f", "error", "ModuleNotFoundError", 1),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_an_answer_that_fails_is_told_as_what_it_is_with_its_line(what, sandbox):
    source, kind, type_, line = PROBLEMS[what]
    problem = problem_of(sandbox, source)
    assert problem["kind"] == kind
    assert type_ is None or problem["type"] == type_
    assert line is None or problem["line_number"] == line


@pytest.mark.parametrize(
    "source",
    ["while True:\n    pass", "def f():\n    while True:\n        pass", "import time\n\ndef f():\n    time.sleep(60)"],
    ids=["in the cell", "in the function", "asleep"],
)
def test_an_answer_without_end_is_told_as_too_slow_and_the_next_one_runs(source, sandbox):
    slow, good = part(source, name="9.9.1", time_limit=0.3), part("def f():\n    return 1", name="9.9.2")
    outcomes = ask(sandbox, slow, good)
    assert outcomes[0][0]["problem"]["kind"] == "too slow"
    assert outcomes[1][0]["value"] == 1


def test_calls_after_the_one_that_took_all_the_time_are_not_run(sandbox):
    (outcomes,) = ask(sandbox, part("def f(x):\n    while x:\n        pass\n    return 1", 0, 1, 0, time_limit=0.3))
    assert [outcome["problem"] and outcome["problem"]["kind"] for outcome in outcomes] == [None, "too slow", "not run"]


def test_a_value_too_large_for_a_message_is_told_as_that(sandbox):
    outcomes = ask(
        sandbox,
        part("import torch\n\ndef f(n):\n    return torch.zeros(n)", 1, 20_000_000, name="9.9.1"),
        part("def f():\n    return 1", name="9.9.2"),
    )
    assert [outcome["problem"]["type"] for outcome in outcomes[0]] == ["TooLarge", "TooLarge"]
    assert outcomes[1][0]["value"] == 1


def test_what_does_not_travel_arrives_as_opaque(sandbox):
    from utils.grading.protocol import Opaque

    value = value_of(sandbox, "def f():\n    return [1, f, {'a': object()}]")
    assert value[0] == 1
    assert isinstance(value[1], Opaque)
    assert isinstance(value[2]["a"], Opaque)


def test_long_messages_of_errors_are_cut(sandbox):
    problem = problem_of(sandbox, "def f():\n    raise type('E' * 10**6, (Exception,), {})('m' * 10**6)")
    assert (len(problem["type"]), len(problem["message"])) == (100, 1000)


def test_floats_arrive_to_the_last_bit(sandbox):
    value = value_of(sandbox, "def f(x):\n    return [x, -0.0, float('inf'), 0.1 + 0.2]", 5e-324)
    assert value[0] == 5e-324
    assert math.copysign(1, value[1]) == -1
    assert value[2:] == [math.inf, 0.1 + 0.2]


def test_a_request_whose_setup_fails_gives_no_outcome(sandbox):
    with pytest.raises(RunEnded, match="ended"):
        ask(sandbox, part("def f():\n    return 1"), setup="import no_such_module")


def test_the_setup_goes_on_after_a_statement_that_needs_the_course(sandbox):
    setup = "from utils.world import places\nthere = places(3)\nvalue = 5"
    assert value_of(sandbox, "def f():\n    return value", setup=setup) == 5
