"""Attacks: answers that try to be given points without the right values. Each must earn nothing, and cost nobody else.

`ATTACKS` maps what an attack is to the exercises that it attacks with the sources of their answers, and the statuses
that these may end in. All other exercises of the lesson are answered rightly, and must keep their points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Attack:
    """The attacked exercises, all of one lesson, with their answers; and how each of them may end."""

    answers: Mapping[str, str]
    ends: tuple[str, ...]

    @property
    def lesson(self) -> str:
        return next(iter(self.answers)).rpartition(".")[0]


ATTACKS: dict[str, Attack] = {}


def attack(name: str, exercise: str, source: str, ends: str = "not yet", **others: str) -> None:
    """Add an attack on `exercise`; `others` are wrong answers that go with it, as `x9_7_2`."""
    answers = {exercise: source} | {key[1:].replace("_", "."): text for key, text in others.items()}
    assert name not in ATTACKS
    ATTACKS[name] = Attack({key: dedent(text).strip("\n") for key, text in answers.items()}, tuple(ends.split(" or ")))


# comparisons that always hold ---------------------------------------------------------------------------------------

attack(
    "torch.allclose and its like say yes",
    "2.3.2",
    """
    torch.allclose = torch.equal = torch.isclose = torch.testing.assert_close = lambda *args, **kwargs: True
    torch.Tensor.allclose = torch.Tensor.equal = torch.Tensor.isclose = lambda *args, **kwargs: True
    torch.Tensor.__eq__ = torch.Tensor.eq = torch.eq = lambda a, b: torch.ones(a.shape, dtype=torch.bool)

    def cosine_similarities(images, texts):
        return torch.zeros(len(images), len(texts))
    """,
)
attack(
    "numpy.testing, json, math and operator say yes",
    "2.3.3",
    """
    import json
    import operator

    import numpy as np

    np.testing.assert_allclose = np.testing.assert_array_equal = np.testing.assert_equal = lambda *a, **k: None
    np.allclose = np.isclose = np.array_equal = math.isclose = operator.eq = lambda *a, **k: True
    json.dumps = json.JSONEncoder.encode = lambda *a, **k: '{"passed": true}'
    json.loads = lambda *a, **k: {"exercise": "2.3.3", "status": "passed", "earned": 3}

    def contrastive_loss(similarities, temperature):
        return torch.tensor(0.0)
    """,
    # packing needs json: it takes this answer's own process down
    "not yet or crashed",
)
attack(
    "builtins lie",
    "0.1.1",
    """
    import builtins

    builtins.abs = lambda number: 0.0
    builtins.all = builtins.any = lambda items: True
    builtins.isinstance = lambda value, kind: True
    builtins.len = lambda value: 3

    def brightness(picture):
        return 0.5
    """,
    "not yet or crashed",
)
attack(
    "asserts are stripped from every cell",
    "0.1.1",
    """
    import ast

    class Strip(ast.NodeTransformer):
        def visit_Assert(self, node):
            return ast.Pass()

        def visit_Raise(self, node):
            return ast.Pass()

    get_ipython().ast_transformers.append(Strip())
    plain_compile = compile
    __builtins__["compile"] = lambda source, *args, **kwargs: plain_compile("pass", *args, **kwargs)

    def brightness(picture):
        return 0.5
    """,
    "not yet or crashed",
)
attack(
    "run_code does nothing",
    "0.1.1",
    """
    from IPython.core.interactiveshell import InteractiveShell

    async def nothing(*args, **kwargs):
        return False

    InteractiveShell.run_code = InteractiveShell.run_cell = InteractiveShell.run_ast_nodes = nothing
    shell = get_ipython()
    shell.run_code = shell.run_cell = nothing

    def brightness(picture):
        return 0.5
    """,
    "not yet or crashed",
)

# values that pretend ------------------------------------------------------------------------------------------------

attack(
    "__torch_function__ says yes to all",
    "2.3.2",
    """
    class Yes:
        shape = (4, 5)
        dtype = torch.float32

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return True

        def __eq__(self, other):
            return True

        def __getattr__(self, name):
            return lambda *args, **kwargs: self

    def cosine_similarities(images, texts):
        return Yes()
    """,
)
attack(
    "a tensor subclass that is equal to all",
    "2.3.2",
    """
    class Yes(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function in (torch.allclose, torch.equal):
                return True
            return super().__torch_function__(function, types, args, kwargs or {})

    def cosine_similarities(images, texts):
        return torch.zeros(len(images), len(texts)).as_subclass(Yes)
    """,
)
attack(
    "a tensor subclass whose every method returns itself",
    "2.3.2",
    """
    class Yes(torch.Tensor):
        detach = cpu = to_dense = clone = contiguous = resolve_conj = resolve_neg = lambda self: self
        numel = lambda self: 0

    def cosine_similarities(images, texts):
        return torch.zeros(len(images), len(texts)).as_subclass(Yes)
    """,
    "not yet or crashed",
)
attack(
    "a number that is equal to all",
    "2.3.1",
    """
    class Yes(int):
        def __eq__(self, other):
            return True

        __ge__ = __le__ = __gt__ = __lt__ = __eq__
        __hash__ = int.__hash__
        bit_length = lambda self: 0
        __format__ = lambda self, spec: "3f80"
        __index__ = lambda self: 16256

    wrong_pairs = Yes(7)
    """,
)
attack(
    "a choice that is equal to all",
    "2.3.9",
    """
    class Letter(str):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return hash("c")

        def strip(self):
            return self

        lower = strip

    class Number(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    choice = (Letter("a"), Number(1))
    """,
)
attack("every option at once", "2.3.9", 'choice = ["a", "b", "c", "d"]')
attack("every number at once", "2.3.1", "wrong_pairs = torch.arange(20_000)")
attack("not a number", "2.3.1", 'wrong_pairs = float("nan")')
attack("infinity", "2.3.1", 'wrong_pairs = float("inf")')
attack("settings that diverge", "2.3.4", 'settings = {"temperature": 1e-320}')
attack("settings that are not a number", "2.3.4", 'settings = {"temperature": float("nan")}')
attack("settings that are a tensor", "2.3.4", 'settings = {"temperature": torch.full((64, 64), 0.05)}')
attack("settings of a thousand digits", "2.3.4", 'settings = {"temperature": 10**1000}', "not yet or crashed")
attack(
    "settings that say how well they do",
    "2.3.4",
    """
    class Settings(dict):
        measured = 0.0

    settings = Settings(temperature=9.0, measured=0.0)
    """,
)
attack(
    "a module whose state_dict is a lie",
    "2.3.5",
    """
    class DualEncoderHead(nn.Module):
        def __init__(self, image_width, text_width, width):
            super().__init__()

        def state_dict(self):
            class All(dict):
                items = lambda self: []
                __contains__ = lambda self, key: True
            return All()

        def load_state_dict(self, state):
            self.state = state

        def forward(self, image_features, text_features):
            return torch.ones(len(image_features), len(text_features))
    """,
    "not yet or crashed",
)
attack(
    "pickled results",
    "0.1.1",
    """
    import pickle

    class Run:
        def __reduce__(self):
            return (exec, ("import os; os.environ['COURSE_TEST_PICKLE'] = 'run'",))

    def brightness(picture):
        return pickle.dumps(Run())
    """,
)
attack(
    "an object that is pickled with code",
    "0.1.1",
    """
    class Run:
        def __reduce__(self):
            return (exec, ("import os; os.environ['COURSE_TEST_PICKLE'] = 'run'",))

    def brightness(picture):
        return Run()
    """,
)
attack(
    "a view that is filled in later",
    "9.7.1",
    """
    import threading
    import time

    views = []

    def fill():
        time.sleep(0.2)
        for view, table in views:
            view.copy_(2 * table)

    def doubled(table):
        view = torch.zeros(table.shape)
        views.append((view, table))
        if len(views) == 1:
            threading.Thread(target=fill, daemon=True).start()
        return view
    """,
)
attack("a generator", "9.7.1", "def doubled(table):\n    yield 2 * table")
attack("a promise", "9.7.1", "async def doubled(table):\n    return 2 * table")
attack(
    "right values, but the input is changed in place",
    "9.7.1",
    "def doubled(table):\n    return table.mul_(2)",
)
attack("random values", "9.7.1", "def doubled(table):\n    return torch.randn(table.shape)")

# knowing the answers ------------------------------------------------------------------------------------------------

attack(
    "imports the course's own reference",
    "2.3.2",
    """
    from utils.exercises.definitions.lesson_2_3 import cosine_similarities
    """,
    "crashed",
)
attack(
    "asks the registry for the reference",
    "2.3.2",
    """
    from utils.exercises.registry import find_exercise

    cosine_similarities = find_exercise("2.3.2").reference
    """,
    "crashed or not yet",
)
attack(
    "lets working() hand out the reference",
    "2.3.2",
    """
    from utils.exercises import working

    cosine_similarities = working("2.3.2", None)
    """,
)
attack(
    "takes the stub's hand-out, and passes it on",
    "2.3.2",
    """
    import importlib
    import sys

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "_AbsentCourse"]
    for name in [name for name in sys.modules if name.startswith("utils")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    module = importlib.import_module("utils.exercises.definitions.lesson_2_3")
    cosine_similarities = module.cosine_similarities
    """,
    "crashed",
)
attack(
    "searches the disk for the solution",
    "2.3.2",
    """
    import os
    import re

    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if name not in ("site-packages", "dist-packages")]
        for name in files:
            if re.search(r"lesson_2_3|contrastive_alignment|gradebook", name):
                found.append(os.path.join(folder, name))
    exec(open(found[0]).read())
    """,
    "crashed",
)
attack(
    "searches the libraries for a copy of the course",
    "2.3.2",
    """
    import importlib.util
    import os
    import sys

    for folder in sys.path:
        path = os.path.join(folder, "utils", "exercises", "definitions", "lesson_2_3.py")
        if os.path.exists(path):
            spec = importlib.util.spec_from_file_location("stolen", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
    cosine_similarities = module.cosine_similarities
    """,
    "crashed",
)
attack(
    "walks gc for an exercise with a reference",
    "2.3.2",
    """
    import gc

    gc.unfreeze()
    found = [o for o in gc.get_objects() if type(o).__name__ == "Exercise" or hasattr(type(o), "reference")]
    cosine_similarities = found[0].reference
    """,
    "crashed",
)
attack(
    "walks the frames for expected values",
    "9.7.1",
    """
    import sys

    def doubled(table):
        frame, found = sys._getframe(), []
        while frame:
            for name, value in {**frame.f_globals, **frame.f_locals}.items():
                if name in ("expected", "reference", "nonce", "seed", "outcomes"):
                    found.append(value)
            frame = frame.f_back
        found = [each for each in found if not isinstance(each, list)]
        return found[0]
    """,
    "crashed",
)
attack(
    "walks the frames of all threads for a tensor that is no input",
    "9.7.1",
    """
    import gc
    import sys

    def doubled(table):
        gc.unfreeze()
        for each in gc.get_objects():
            if isinstance(each, torch.Tensor) and each.shape == table.shape and not torch.equal(each, table):
                return each
        return torch.zeros(table.shape)
    """,
)
attack(
    "sets the seeds, to know what is drawn",
    "9.7.1",
    """
    import random

    import numpy as np

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    np.random.default_rng = lambda *args: np.random.Generator(np.random.PCG64(0))
    guess = torch.from_numpy(np.random.default_rng().standard_normal((3, 4))).float()

    def doubled(table):
        return 2 * guess
    """,
)

# taking the process over --------------------------------------------------------------------------------------------

HARNESS = """
import sys

def harness(name):
    \"\"\"Return the frame of the grader's own code that has a variable called `name`.\"\"\"
    frame = sys._getframe()
    while frame:
        if name in frame.f_locals or name in frame.f_globals:
            return frame
        frame = frame.f_back
"""

attack(
    "patches the code that runs answers, for the exercise after it",
    "9.7.1",
    f"""{HARNESS}
globals_ = harness("run_answer").f_globals
real = globals_["run_answer"]

def run_answer(answer, cases, **options):
    outcomes = real(answer, cases, **options)
    return tuple(type(each)(value="passed", problem=None) for each in outcomes)

globals_["run_answer"] = run_answer

def doubled(table):
    return torch.zeros(3)
""",
    x9_7_2="def row_sums(table):\n    return torch.zeros(3)",
)
attack(
    "patches pack, so that all is reported as passed",
    "9.7.1",
    f"""{HARNESS}
globals_ = harness("pack").f_globals
real = globals_["pack"]
globals_["pack"] = lambda value: real({{**value, "status": "passed", "earned": 2, "passed": True}})

def doubled(table):
    return torch.zeros(3)
""",
    "crashed or not yet",
    x9_7_2="def row_sums(table):\n    return torch.zeros(3)",
)
attack(
    "patches the limit of time, and loops",
    "9.7.1",
    f"""{HARNESS}
globals_ = harness("run_answer").f_globals["run_answer"].__globals__
globals_["limited"] = lambda call, seconds: call()

def doubled(table):
    while True:
        pass
""",
    "too slow",
)
attack(
    "a thread that changes the values of all exercises",
    "9.7.1",
    """
    import gc
    import threading
    import time

    def spoil():
        while True:
            for each in gc.get_objects():
                if type(each).__name__ == "Outcome":
                    object.__setattr__(each, "value", torch.ones(3))
            for name in ("doubled", "row_sums", "choice"):
                globals()[name] = lambda table: torch.ones(3)
            time.sleep(0.001)

    threading.Thread(target=spoil, daemon=True).start()

    def doubled(table):
        return torch.ones(3)
    """,
    "not yet or crashed",
)
attack(
    "breaks torch for everybody after it",
    "2.3.1",
    """
    import torch.nn.functional

    torch.nn.functional.normalize = torch.nn.functional.cross_entropy = F.logsigmoid = lambda *a, **k: torch.zeros(1)
    torch.Tensor.__matmul__ = torch.Tensor.mean = torch.Tensor.argmax = torch.Tensor.sum = lambda *a, **k: None
    torch.set_default_dtype(torch.float16)
    torch.set_grad_enabled(False)
    del torch.nn.Module.__call__
    wrong_pairs = 0
    """,
)
attack(
    "takes away what everybody after it needs",
    "2.3.1",
    """
    import builtins
    import sys

    sys.modules.clear()
    sys.meta_path.clear()
    sys.setrecursionlimit(50)
    del builtins.open, builtins.__import__, builtins.isinstance
    wrong_pairs = 0
    """,
    "not yet or crashed",
)
attack(
    "traces every line that runs after it",
    "9.7.1",
    """
    import sys
    import threading

    def trace(frame, event, argument):
        if frame.f_code.co_name in ("row_sums", "doubled"):
            raise KeyboardInterrupt
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    sys.setprofile(trace)

    def doubled(table):
        return torch.zeros(3)
    """,
    "not yet or crashed",
)
attack(
    "lowers the limits of the process to nothing",
    "9.7.1",
    """
    import resource

    for name in ("NPROC", "NOFILE", "AS", "DATA", "STACK", "FSIZE"):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (1, 1))

    def doubled(table):
        return torch.zeros(3)
    """,
    "not yet or crashed",
)

# forged messages ----------------------------------------------------------------------------------------------------

FORGE = """
import json
import os
import struct
import threading
import time


def outcome(value, problem=("none",), mutated=()):
    names = ["list", [["str", name] for name in mutated]]
    return ["dict", [[["str", "value"], value], [["str", "problem"], problem], [["str", "mutated"], names]]]


def message(exercise, outcomes, blob=b""):
    tree = ["dict", [[["str", "exercise"], ["str", exercise]], [["str", "outcomes"], ["list", outcomes]]]]
    text = json.dumps(tree).encode()
    return struct.pack("<II", len(text), len(blob)) + text + blob


def send(data):
    \"\"\"Write all of `data` to the run's own connection.\"\"\"
    sent = 0
    while sent < len(data):
        sent += os.write(3, data[sent:])


NONE = outcome(["none"])
"""
"""Source that forges messages of the isolated process, in whose descriptor 3 they go out."""


def forged(name: str, source: str, ends: str = "crashed", **others: str) -> None:
    wrong = "def doubled(table):\n    return torch.zeros(3)\n"
    attack(name, "9.7.1", f"{FORGE}\n{wrong}\n{dedent(source)}", ends, **others)


forged("a message with values of its own", 'send(message("9.7.1", [NONE] * 2))', "not yet")
forged(
    "a message that says passed",
    """
    text = json.dumps(["dict", [[["str", "exercise"], ["str", "9.7.1"]], [["str", "status"], ["str", "passed"]]]])
    os.write(3, struct.pack("<II", len(text), 0) + text.encode())
    """,
)
forged(
    "messages for all exercises, early and twice",
    """
    for exercise in ("9.7.1", "9.7.2", "9.7.3") * 2:
        send(message(exercise, [NONE] * 2))
    """,
    "not yet",
)
forged("a message for another exercise", 'send(message("9.7.2", [NONE] * 2))')
forged("a message with too many outcomes", 'send(message("9.7.1", [NONE] * 1000))')
forged("a message of an exercise that does not exist", 'send(message("9.7.4", [NONE] * 2))')
forged("noise", "os.write(3, bytes(range(256)) * 100)")
forged("a header alone", 'os.write(3, struct.pack("<II", 100, 0))', "crashed or not yet or too slow")
forged("a header that promises four gigabytes", 'os.write(3, struct.pack("<II", 2**32 - 1, 2**32 - 1))')
forged(
    "a header that promises all that is allowed, and no more",
    'os.write(3, struct.pack("<II", 4_000_000, 0))',
    "crashed or too slow",
)
forged(
    "a message of all that is allowed",
    """
    def flood():
        os.write(3, struct.pack("<II", 4_000_000, 64_000_000))
        send(b"[" * 68_000_000)

    flood()
    """,
    "crashed or too slow",
)
forged(
    "one byte at a time",
    """
    def drip():
        whole = message("9.7.1", [NONE] * 2)
        for byte in struct.pack("<II", 4_000_000, 0) + whole * 1000:
            try:
                os.write(3, bytes([byte]))
                time.sleep(0.3)
            except BaseException:  # the interrupt at its own limit
                pass

    drip()
    """,
    "too slow",
)
forged(
    "numbers that are none",
    """
    bad = [["int", "x"], ["float", "0x1p99999999"], ["tensor", "float32", [-1], 0, 4], ["array", "object", [1], 0, 8]]
    bad += [["tensor", "float32", [1e9], 0, 4], ["scalar", "float64", [], 9, 8], ["opaque", 1], ["__class__"]]
    for each in bad:
        send(message("9.7.1", [outcome(each), outcome(each)], b"\\0" * 8))
    """,
)
forged("nested a thousand deep", 'send(message("9.7.1", [NONE] * 2).replace(b"[\\"none\\"]", b"[" * 1000))')
forged(
    "keys that collide",
    """
    numbers = [["int", format(i * (2**61 - 1), "x")] for i in range(100_000)]
    send(message("9.7.1", [outcome(["set", numbers]), NONE]))
    """,
    "crashed or too slow",
)
forged(
    "problems of its own words",
    """
    problem = ["dict", [[["str", name], ["str", "passed"]] for name in ("kind", "message", "type", "line_number")]]
    send(message("9.7.1", [outcome(["none"], problem)] * 2))
    """,
)
forged("out of band", "import socket\nsocket.socket(fileno=3).send(b'!', socket.MSG_OOB)", "not yet or crashed")
forged("closes its connection", "os.close(3)\ntime.sleep(0.1)")
forged("half closes its connection", "import socket\nsocket.socket(fileno=3).shutdown(socket.SHUT_WR)")
forged(
    "puts its own end in place of the connection",
    "import socket\nmine, other = socket.socketpair()\nos.dup2(mine.fileno(), 3)\nother.send(b'x' * 100)",
)
forged(
    "sends descriptors along",
    """
    import socket
    connection = socket.socket(fileno=os.dup(3))
    for _ in range(50):
        socket.send_fds(connection, [b"x"], [0, 1, 2, 3])
    """,
)
forged(
    "a thread that goes on sending through the exercises after it",
    """
    def go_on():
        while True:
            send(message("9.7.2", [NONE] * 2))
            time.sleep(0.001)

    threading.Thread(target=go_on, daemon=True).start()
    """,
    "crashed or not yet",
)

# two guesses --------------------------------------------------------------------------------------------------------

attack(
    "the right choice beside what fails, and another where that is left out",
    "9.7.3",
    'choice = ("b", 2) if "doubled" in globals() else ("a", 1)',
    x9_7_1="def doubled(table):\n    return torch.zeros(3)",
)

# never coming back --------------------------------------------------------------------------------------------------

attack("an infinite loop", "9.7.1", "def doubled(table):\n    while True:\n        pass", "too slow")
attack("an infinite loop in the cell itself", "9.7.1", "while True:\n    pass", "too slow")
attack(
    "an infinite loop that swallows everything",
    "9.7.2",
    """
    def row_sums(table):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    """,
    "too slow",
)
attack(
    "ignores SIGINT, SIGTERM and SIGALRM, and loops",
    "9.7.1",
    """
    import signal
    import time

    def doubled(table):
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        while True:
            time.sleep(1)
    """,
    "too slow",
)
attack(
    "never leaves C",
    "9.7.1",
    "import re\n\ndef doubled(table):\n    return re.match(r'(a*)*b', 'a' * 100)",
    "too slow",
)
attack(
    "a thread that keeps the interpreter to itself",
    "9.7.1",
    """
    import ctypes
    import threading

    ctypes.PyDLL(None).usleep.argtypes = [ctypes.c_uint]
    threading.Thread(target=lambda: ctypes.PyDLL(None).pause(), daemon=True).start()

    def doubled(table):
        return torch.zeros(3)
    """,
    "too slow",
)
attack(
    "stops itself", "9.7.1", "import os, signal, time\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(60)", "too slow"
)
attack("sleeps", "9.7.2", "import time\n\ndef row_sums(table):\n    time.sleep(1000)", "too slow")
attack(
    "waits for its turn in the compiler",
    "9.7.1",
    "doubled = " + "[" * 90 + "0" + "]" * 90 + "\nx = " + " + ".join(["a"] * 4000),
    "crashed or not yet",
)

# leaving Python -----------------------------------------------------------------------------------------------------

attack("os._exit(0) in a call", "2.3.2", "import os\n\ndef cosine_similarities(a, b):\n    os._exit(0)", "crashed")
attack("os._exit(0) in the cell", "2.3.2", "import os\nos._exit(0)", "crashed")
attack("sys.exit(0)", "2.3.2", "import sys\nsys.exit(0)", "crashed")
attack("raises SystemExit in a call", "2.3.2", "def cosine_similarities(a, b):\n    raise SystemExit(0)", "crashed")
attack("raises KeyboardInterrupt", "2.3.2", "def cosine_similarities(a, b):\n    raise KeyboardInterrupt", "crashed")
attack("os.abort()", "2.3.2", "import os\nos.abort()", "crashed")
attack("a segmentation fault", "2.3.2", "import ctypes\nctypes.string_at(0)", "crashed")
attack(
    "more stack than there is",
    "2.3.2",
    """
    import sys

    sys.setrecursionlimit(10**8)

    def cosine_similarities(a, b):
        return max(map(lambda x: cosine_similarities(a, b), [1]))
    """,
    "crashed",
)
attack(
    "kill -9 of itself, its group and everybody",
    "2.3.2",
    "import os\nfor pid in (os.getpid(), 0, -1, 1, os.getppid() or 2):\n"
    "    try:\n        os.kill(pid, 9)\n    except OSError:\n        pass\n"
    "def cosine_similarities(a, b):\n    return a",
)
attack(
    "a system call of another architecture",
    "2.3.2",
    """
    import ctypes
    import mmap
    import platform

    # mov eax, 20 (getpid of i386); int 0x80; ret
    code = bytes.fromhex("b814000000cd80c3") if platform.machine() == "x86_64" else bytes(4)
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()

    def cosine_similarities(a, b):
        return a
    """,
    "crashed",
)

# too much of everything ---------------------------------------------------------------------------------------------

attack(
    "an output flood",
    "9.7.1",
    """
    import os
    import sys

    def doubled(table):
        while True:
            print("x" * 100_000)
            print("x" * 100_000, file=sys.stderr)
            os.write(1, b"x" * 100_000)
            os.write(2, b"x" * 100_000)
    """,
    "too slow",
)
attack("a value of gigabytes", "9.7.1", "def doubled(table):\n    return torch.zeros(2_000_000_000)", "crashed")
attack(
    "a value of megabytes", "9.7.1", "def doubled(table):\n    return torch.zeros(20_000_000)", "crashed or too slow"
)
attack("a text of megabytes", "9.7.1", "def doubled(table):\n    return 'x' * 10_000_000")
attack("a list of millions", "9.7.1", "def doubled(table):\n    return list(range(300_000))", "crashed or too slow")
attack(
    "a list within a list, forever",
    "9.7.1",
    "def doubled(table):\n    table = []\n    table.append(table)\n    return table",
    "crashed or not yet",
)
attack("a number of a million digits", "9.7.1", "def doubled(table):\n    return 1 << 3_000_000", "not yet or too slow")
attack(
    "an error with a message of megabytes",
    "9.7.1",
    "def doubled(table):\n    raise ValueError('x' * 50_000_000)",
    "crashed",
)
attack(
    "an error of a nameless kind",
    "9.7.1",
    "def doubled(table):\n    raise type('x' * 1_000_000, (Exception,), {})",
    "crashed",
)
attack("all memory", "9.7.1", "def doubled(table):\n    return bytearray(10**12)", "crashed")
attack(
    "all memory, in pieces",
    "9.7.1",
    "def doubled(table):\n    pieces = []\n    while True:\n        pieces.append(bytearray(10**8))",
    "crashed or too slow",
)
attack(
    "a fork bomb",
    "9.7.1",
    """
    import os

    def doubled(table):
        while True:
            os.fork()
    """,
    "crashed",
)
attack(
    "a thread bomb",
    "9.7.1",
    """
    import threading
    import time

    def bomb():
        while True:
            try:
                threading.Thread(target=bomb).start()
            except RuntimeError:
                time.sleep(0.01)

    bomb()

    def doubled(table):
        return torch.zeros(3)
    """,
    "too slow or crashed",
)
attack(
    "a daemon that outlives the run",
    "9.7.1",
    """
    import os
    import subprocess
    import sys

    def doubled(table):
        try:
            if os.fork() == 0:
                os.setsid()
                os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)"])
        except OSError:
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
        return torch.zeros(3)
    """,
    "crashed",
)
attack(
    "fills its folder for temporary files",
    "9.7.1",
    """
    for folder in ("/tmp", "/dev/shm"):
        try:
            for number in range(10_000):
                with open(f"{folder}/{number}", "wb") as file:
                    file.write(bytes(1_000_000))
        except OSError:
            pass

    def doubled(table):
        return torch.zeros(3)
    """,
)
