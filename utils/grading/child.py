"""The untrusted side: runs the setup and the answers, calls what they define on the cases, sends back values.

It has never seen a reference, an expected value or a nonce: there is nothing here to find. An answer may take this
process over; all that this gains it is to send values of its own choice, which have to be the right ones.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import importlib.abc
import importlib.machinery
import inspect
import linecache
import random
import re
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from utils.exercises.definition import Case
from utils.exercises.running import TooSlow, limited, problem_of, run_answer
from utils.grading.protocol import HEADER, ProtocolError, body_size, pack, unpack

HARMLESS = ("check", "hint", "options", "display_bundle")
"""Functions of the course that do nothing here; answers call them, and mean no harm."""
_RUNS_THE_CELL = re.compile(r"\A(\s*)%%(?:time|capture|prun)\b[^\n]*")
"""A first line of IPython's that runs the rest of the cell as if it stood there alone."""


class CourseCodeAbsent(RuntimeError):
    """Raised where an answer uses the course's own code, which is not there when it is graded."""


def serve(receive: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
    """Read one request, run its parts in order, send for each that is to be called one message with its outcomes.

    `receive(n)` returns n bytes. A request is {"setup": source, "parts": [{"exercise", "source", "call"}]}; `call` is
    None for a part that is only defined, else {"runs_as", "entry", "time_limit", "cases"}.
    """
    header = receive(HEADER.size)
    request = unpack(header + receive(body_size(header)))
    namespace = _namespace(request["setup"])
    for part in request["parts"]:
        outcomes = _run_part(part, namespace)
        if outcomes is not None:
            _send(part["exercise"], outcomes, send)


def _run_part(part: Mapping[str, Any], namespace: dict) -> list[dict] | None:
    """Execute an answer cell and, if the part says so, call what it defines; return an outcome for each case."""
    call = part["call"]
    name = f"<answer {part['exercise']}>"
    if call is None:
        _execute(part["source"], name, namespace, 10.0)
        return None
    cases = [Case(**case) for case in call["cases"]]
    # another exercise's answer may have the same name
    namespace.pop(call["entry"], None)
    problem = _execute(part["source"], name, namespace, call["time_limit"])
    # an experiment beside the answer may need the notebook's own variables; the answer stands all the same
    if call["entry"] in namespace and (problem is None or problem["kind"] == "error"):
        answer = namespace[call["entry"]]
        outcomes = run_answer(
            answer, cases, runs_as=call["runs_as"], entry=call["entry"], time_limit=call["time_limit"]
        )
        return [_as_data(outcome) for outcome in outcomes]
    problem = problem or _problem("answer", f"the cell defines no {call['entry']}")
    return [{"value": None, "problem": problem, "mutated": []}] * len(cases)


def _execute(source: str, name: str, namespace: dict, time_limit: float) -> dict | None:
    """Run the cell `source` in `namespace`; return its first problem, or None.

    A statement that fails does not keep those below it from being run: it may show something that the notebook has
    and a run has not.
    """
    first: list[dict] = []

    def run() -> None:
        for statement in _compile(source, name):
            try:
                _run_statement(statement, namespace)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an answer may raise anything
                first.append(_as_problem(error))

    try:
        limited(run, time_limit)
    except TooSlow:
        return _problem("too slow", "")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it cannot be compiled
        return _as_problem(error)
    return first[0] if first else None


def _run_statement(statement: types.CodeType, namespace: dict) -> None:
    waiting = eval(statement, namespace)
    if statement.co_flags & inspect.CO_COROUTINE:  # there is an `await` in it, as notebooks allow
        asyncio.run(waiting)


def _as_problem(error: BaseException) -> dict:
    found = problem_of(error)
    line = error.lineno or 0 if isinstance(error, SyntaxError) else found.line_number
    return _problem(found.kind, found.message, found.type, line)


def _compile(source: str, name: str) -> list[types.CodeType]:
    """Compile a cell's statements, with IPython's own syntax translated where plain Python refuses it."""
    source = _RUNS_THE_CELL.sub(r"\1", source)
    lines = [line + "\n" for line in source.splitlines()]
    linecache.cache[name] = (len(source), None, lines, name)
    try:
        return _statements(source, name)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        translated = TransformerManager().transform_cell(source)
        if translated.strip() == source.strip():
            raise
        return _statements(translated, name)


def _statements(source: str, name: str) -> list[types.CodeType]:
    """Compile each statement of `source` by itself; what it imports from `__future__` holds for all of them."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, name, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for feature in node.names:
                flags |= getattr(getattr(__future__, feature.name, None), "compiler_flag", 0)
    return [compile(ast.Module([node], []), name, "exec", flags, dont_inherit=True) for node in tree.body]


def _namespace(setup: str) -> dict:
    """Return the namespace in which answers run: a fresh `__main__` after the notebook's setup cell."""
    _hide_the_course()
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    namespace = module.__dict__
    namespace.update(get_ipython=_NoShell, display=_nothing)
    if "IPython" in sys.modules:
        sys.modules["IPython"].get_ipython = _NoShell
    for statement in _statements(setup, "<setup>"):
        try:
            _run_statement(statement, namespace)
        except CourseCodeAbsent:  # the course's own code at work in the setup: nothing of it is there
            continue
    return namespace


def _hide_the_course() -> None:
    """Take the package `utils` away, and let names be imported from it that say so when they are used."""
    for name in [name for name in sys.modules if name == "utils" or name.startswith("utils.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _AbsentCourse())


class _AbsentCourse(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds any module of the course, and gives an empty one in its place."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != "utils" and not name.startswith("utils."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is in it."""


class _AbsentModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in HARMLESS:
            return _nothing
        return _working if name == "working" else _Absent(f"{self.__name__}.{name}")


class _Absent:
    """A name of the course. It can be imported, passed on and written in an annotation, and not be used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise CourseCodeAbsent(self._name)

    def __getattr__(self, name: str) -> Any:
        raise CourseCodeAbsent(self._name)

    def __getitem__(self, key: Any) -> Any:
        raise CourseCodeAbsent(self._name)

    def __iter__(self) -> Any:
        raise CourseCodeAbsent(self._name)

    def __mro_entries__(self, bases: tuple) -> tuple:
        raise CourseCodeAbsent(self._name)


class _NoShell:
    """Stands for IPython's shell, and for all that belongs to it: magic commands do nothing."""

    def __getattr__(self, name: str) -> _NoShell:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        return None


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def _working(exercise: str, answer: Any) -> Any:
    return answer


def _as_data(outcome: Any) -> dict:
    problem = outcome.problem
    return {
        "value": outcome.value,
        "problem": problem and _problem(problem.kind, problem.message, problem.type, problem.line_number),
        "mutated": list(outcome.mutated),
    }


def _problem(kind: str, message: str, type_: str = "", line_number: int = 0) -> dict:
    return {"kind": kind, "message": message[:1000], "type": type_[:100], "line_number": line_number}


def _send(exercise: str, outcomes: list[dict], send: Callable[[bytes], None]) -> None:
    try:
        message = pack({"exercise": exercise, "outcomes": outcomes})
    except ProtocolError:
        problem = _problem("error", "", "TooLarge")
        message = pack(
            {"exercise": exercise, "outcomes": [{"value": None, "problem": problem, "mutated": []}] * len(outcomes)}
        )
    send(message)


def seed_everything() -> None:
    """Give the global random states a fixed start, the same in each run."""
    random.seed(0)
    for name in ("numpy", "torch"):
        module = sys.modules.get(name)
        if module is not None:
            module.random.seed(0) if name == "numpy" else module.random.default_generator.manual_seed(0)
