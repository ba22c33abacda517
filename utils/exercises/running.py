"""Run an answer on cases, and keep what came of each call: a value, or a problem in words. Nothing is judged here.

`make_cases` needs the definition; `run_answer` does not: a grader can call it in a process that has never seen the
reference. Neither imports torch: where tensors are at work, it is there already.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import random
import re
import signal
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from utils.exercises.comparing import find_difference
from utils.exercises.definition import Case, DefinitionError, Exercise, RunsAs, count, exact
from utils.exercises.describing import describe, is_array, is_tensor

PRINTED_LIMIT = 4000
"""Characters kept of what one call prints."""
INTERRUPT_EVERY = 0.5
"""Seconds between attempts to stop an answer that swallows interrupts."""

_LIBRARIES = tuple(
    str(Path(path).resolve()) for path in {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
)
_COURSE = str(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Problem:
    """Why a call gave no value.

    `kind`: "error" (it raised), "arguments" (called with a number it does not take), "weights" (the module's weights
    are not those that the exercise names), "answer" (not something that can be run), "to do", "too slow", "not run"
    (an earlier call used up the time). `line` is the learner's own line, `line_number` counts within its cell.
    """

    kind: Literal["error", "arguments", "weights", "answer", "to do", "too slow", "not run"]
    message: str = ""
    type: str = ""
    line: str = ""
    line_number: int = 0


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one call: `value` (a copy), or `problem`; the inputs it changed, by name; what it printed.

    For a tune, `measured` is what the settings reached.
    """

    value: Any = None
    problem: Problem | None = None
    mutated: tuple[str, ...] = ()
    printed: str = ""
    measured: float | None = None


class TooSlow(BaseException):
    """The time limit passed. Not an `Exception`, so that an answer's own `except Exception` lets it through."""


def generator(seed: int):
    """Return numpy's random generator for `seed`."""
    import numpy as np

    return np.random.default_rng(seed)


def make_cases(exercise: Exercise, seed: int) -> tuple[Case, ...]:
    """Draw the exercise's cases from `seed`; the same seed gives the same cases. A value has one, empty, case."""
    if exercise.cases is None:
        return (Case(),)
    with _own_random_state(seed):
        cases = tuple(exercise.cases(generator(seed)))
    if not cases:
        raise DefinitionError(f"exercise {exercise.id!r}: cases(rng) gave no case")
    return tuple(_with_weights(exercise, case) for case in cases)


def run_answer(
    answer: Any, cases: Sequence[Case], *, runs_as: RunsAs, entry: str = "answer", time_limit: float = 10.0
) -> tuple[Outcome, ...]:
    """Run `answer` on each case and return an outcome for each; nothing that `answer` does is raised, save Ctrl-C.

    All calls together may take `time_limit` seconds. Inputs are copied for each call, global random states are the
    same for every answer and put back afterwards. Off the main thread no limit can be enforced (`can_limit_time`).
    """
    refusal = _refuse(answer, runs_as, entry)
    if refusal:
        return tuple(Outcome(problem=refusal) for _ in cases)
    if runs_as == "value":
        return tuple(Outcome(value=plain(answer)) for _ in cases)
    outcomes: list[Outcome] = []

    def run_all() -> None:
        for index, case in enumerate(cases):
            outcomes.append(_run_once(answer, case, runs_as, entry, index))

    try:
        limited(run_all, time_limit)
    except TooSlow:  # it may have swallowed the interrupt, and ended all its calls late
        outcomes[min(len(outcomes), len(cases) - 1) :] = [Outcome(problem=_too_slow(time_limit))]
    return (*outcomes, *(Outcome(problem=Problem("not run")) for _ in cases[len(outcomes) :]))


def measure_settings(exercise: Exercise, outcome: Outcome, seed: int) -> Outcome:
    """Return `outcome`, the settings of a tune, with what they reach when measured on data drawn from `seed`.

    `measure` is the course's own code; a ValueError of it says which setting is not allowed, and why.
    """
    if outcome.problem or wrong_settings(exercise, outcome.value):
        return outcome
    printed = _Printed()

    def measure() -> float:
        with _own_random_state(seed), _captured(printed):
            return float(exercise.measure(copy.deepcopy(outcome.value), generator(seed)))

    try:
        return replace(outcome, measured=limited(measure, exercise.time_limit))
    except TooSlow:
        return replace(outcome, problem=_too_slow(exercise.time_limit))
    except ValueError as error:
        return replace(outcome, problem=Problem("answer", str(error)))
    except Exception as error:  # noqa: BLE001 - settings of the wrong type may break the measuring anywhere
        return replace(outcome, problem=problem_of(error))


def plain(value: Any) -> Any:
    """Return a copy of `value` that nothing changes later: tensors dense, detached, on the CPU; containers rebuilt."""
    if is_tensor(value):
        return value.detach().cpu().to_dense().clone()
    if is_array(value):
        return value.copy()
    if isinstance(value, tuple | list):
        items = [plain(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def can_limit_time() -> bool:
    """Whether a time limit can be enforced here: only the main thread of a program can be interrupted."""
    return threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not None


def limited(call: Callable[[], Any], seconds: float) -> Any:
    """Return `call()`; raise `TooSlow` in the midst of it once `seconds` have passed.

    A Ctrl-C meanwhile passes through as KeyboardInterrupt. Code that runs outside Python for long (one huge matrix
    product) is stopped only when it comes back.
    """
    if not can_limit_time():
        return call()
    expired = done = False
    finished = threading.Event()

    def watch() -> None:
        nonlocal expired
        wait = seconds
        while not finished.wait(wait):
            expired = True
            _interrupt_main_thread()
            wait = INTERRUPT_EVERY

    def on_interrupt(number: int, frame: Any) -> None:
        if expired:
            if not done:
                raise TooSlow
        elif callable(before):
            before(number, frame)

    before = signal.signal(signal.SIGINT, on_interrupt)
    watchdog = threading.Thread(target=watch, daemon=True, name="exercise time limit")
    watchdog.start()
    try:
        try:
            value = call()
        finally:
            done = True  # from here on, an interrupt that was already under way is swallowed
    finally:
        done = True  # again, for an interrupt that came between the end of the call and the line above
        finished.set()
        watchdog.join()
        signal.signal(signal.SIGINT, before)
    if expired:  # it swallowed the interrupt, and came back late
        raise TooSlow
    return value


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):  # a real signal also ends a sleep or a wait
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()


def _too_slow(seconds: float) -> Problem:
    return Problem(
        "too slow",
        f"stopped after {count(seconds, 'second')}: look for a loop that never ends, or far more work than is needed",
    )


def _refuse(answer: Any, runs_as: RunsAs, entry: str) -> Problem | None:
    """Say why `answer` cannot be run at all, or None if it can."""
    if _unfinished(answer):
        return Problem("to do")
    if runs_as == "function" and (isinstance(answer, type) or not callable(answer)):
        return Problem(
            "answer",
            f"a function is needed here, and this is {describe(answer)}: pass {entry} itself, without calling it",
        )
    if runs_as == "module" and not isinstance(answer, type):
        return Problem(
            "answer", f"a class is needed here, and this is {describe(answer)}: pass {entry} itself, without calling it"
        )
    if runs_as == "module" and not hasattr(answer, "state_dict"):
        return Problem("answer", f"the class {entry} must be a torch module: class {entry}(nn.Module)")
    return None


def _unfinished(answer: Any) -> bool:
    """Whether `answer` is, or holds, the `...` that stands for what the learner has yet to write."""
    if isinstance(answer, list | tuple):
        return any(_unfinished(item) for item in answer)
    if isinstance(answer, Mapping):
        return any(_unfinished(item) for item in answer.values())
    return answer is ...


def wrong_settings(exercise: Exercise, settings: Any) -> str:
    """Return how the form of `settings` is not that of a tune's answer, or "" if it is."""
    names = ", ".join(repr(name) for name in exercise.reference)
    if not isinstance(settings, Mapping):
        return f"{describe(settings)} where a dictionary of settings was expected, with {names}"
    if set(settings) != set(exercise.reference):
        return f"settings {', '.join(map(repr, settings)) or 'without a name'} where {names} were expected"
    return ""


def _run_once(answer: Callable, case: Case, runs_as: RunsAs, entry: str, index: int) -> Outcome:
    args, kwargs = copy.deepcopy((case.args, dict(case.kwargs)))
    printed = _Printed()
    with _own_random_state(index), _captured(printed):
        try:
            function, problem = (answer, None) if runs_as == "function" else _build(answer, case, entry)
            # a module is called itself, and its forward asked which arguments it takes
            signed = getattr(function, "forward", function)
            problem = problem or _mismatch(signed, args, kwargs, entry)
            value = None if problem else plain(function(*args, **kwargs))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an answer may raise anything
            value, problem = None, problem_of(error)
    if value is ...:
        problem = Problem("to do")
    if problem:
        return Outcome(problem=problem, printed=printed.getvalue())
    names = _argument_names(signed, len(args))
    changed = [name for name, now, was in zip(names, args, case.args, strict=True) if _changed(now, was)]
    changed += [name for name, now in kwargs.items() if _changed(now, case.kwargs[name])]
    return Outcome(value=value, mutated=tuple(changed), printed=printed.getvalue())


def _changed(now: Any, was: Any) -> bool:
    return find_difference(_comparable(now), _comparable(was), exact(same_dtype=True)) is not None


def _comparable(value: Any) -> Any:
    """`value` with objects that know no equality replaced by their type: a copy of them is never equal."""
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _comparable(item) for key, item in value.items()}
    if is_tensor(value) or is_array(value):
        return plain(value)
    return type(value) if type(value).__eq__ is object.__eq__ else value


def _build(answer: type, case: Case, entry: str) -> tuple[Any, Problem | None]:
    """Return the module that `answer` constructs for `case`, with the case's weights, or what stands in the way."""
    problem = _mismatch(answer, (), case.init, entry)
    if problem:
        return None, problem
    module = answer(**copy.deepcopy(dict(case.init)))
    module.eval()
    return module, _load_weights(module, case)


def _with_weights(exercise: Exercise, case: Case) -> Case:
    """Return `case` with the weights of a fresh reference.

    Gates, biases and norms that start at one constant are moved by 0.5 to 1, up or down: at their start, many wrong
    modules give the right output.
    """
    if exercise.runs_as != "module" or case.weights is None:
        return case
    import torch

    with _own_random_state(case.weights):
        module = exercise.reference(**copy.deepcopy(dict(case.init)))
        with torch.no_grad():
            for parameter in module.parameters():
                if (parameter == parameter.flatten()[0]).all():
                    step = 0.5 + 0.5 * torch.rand_like(parameter)
                    parameter += torch.where(torch.rand_like(parameter) < 0.5, -step, step)
    return replace(case, state=plain(module.state_dict()))


def _load_weights(module: Any, case: Case) -> Problem | None:
    """Give the module the case's weights, or say which names or shapes stand in the way."""
    if case.state is None:
        return None
    mine = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    wanted = {name: tuple(tensor.shape) for name, tensor in case.state.items()}
    faults = [f"{name} is missing" for name in wanted if name not in mine]
    faults += [f"{name} was not asked for" for name in mine if name not in wanted]
    faults += [
        f"{name} has shape {mine[name]} where {wanted[name]} was expected"
        for name in mine
        if name in wanted and mine[name] != wanted[name]
    ]
    if faults:
        return Problem("weights", "its weights are not those that the exercise names: " + ", ".join(faults))
    module.load_state_dict(case.state)
    return None


def _mismatch(function: Callable, args: tuple, kwargs: Mapping, entry: str) -> Problem | None:
    """Say that `function` does not take these arguments, or None if it does or cannot be asked."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have none
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        handed = [count(len(args), "argument")] * bool(args or not kwargs)
        handed += [f"{', '.join(kwargs)} by name"] * bool(kwargs)
        takes = ", ".join(signature.parameters) or "nothing"
        return Problem("arguments", f"{entry} takes ({takes}), and was called with {' and '.join(handed)}: {error}")
    return None


def _argument_names(function: Callable, number: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"argument {i + 1}" for i in range(number)]


def problem_of(error: BaseException) -> Problem:
    """Put an exception into words, with the deepest line that is the learner's own."""
    number, line = _own_line(error.__traceback__)
    message = str(error).strip()
    if isinstance(error, NotImplementedError) and _is_stub(message, line):
        return Problem("to do", message, type(error).__name__, line, number)
    return Problem("error", message, type(error).__name__, line, number)


def _is_stub(message: str, line: str) -> bool:
    """Whether a NotImplementedError marks unwritten code; torch raises it too, for what it cannot compute."""
    return not message or line.startswith("raise") or message.startswith("exercise") or '"forward" function' in message


def _own_line(traceback: TracebackType | None) -> tuple[int, str]:
    """Return number and text of the deepest line outside libraries and the course's package, or (0, "")."""
    found = (0, "")
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        path = str(Path(name).resolve())
        installed = path.startswith((*_LIBRARIES, _COURSE)) or re.match(r"<frozen|<__array_function__", name)
        if not installed:
            found = (traceback.tb_lineno, linecache.getline(name, traceback.tb_lineno).strip())
        traceback = traceback.tb_next
    return found


class _Printed(io.StringIO):
    """Keeps the first characters that are written to it, and lets the rest go."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, PRINTED_LIMIT - self.tell())])
        return len(text)


@contextlib.contextmanager
def _captured(printed: io.StringIO) -> Iterator[None]:
    """Send what is printed to `printed`; what is displayed in a notebook meanwhile is dropped."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        if "IPython" in sys.modules:
            from IPython import get_ipython
            from IPython.utils.capture import capture_output

            if get_ipython() is not None:
                stack.enter_context(capture_output(stdout=False, stderr=False, display=True))
        yield


@contextlib.contextmanager
def _own_random_state(seed: int) -> Iterator[None]:
    """Seed the global random states, and put them back: a check must not change what the next cell draws."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    torch_state = torch.random.get_rng_state() if torch else None
    random.seed(seed)
    if numpy:
        numpy.random.seed(seed % 2**32)
    if torch:
        torch.random.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        if numpy:
            numpy.random.set_state(numpy_state)
        if torch:
            torch.random.set_rng_state(torch_state)
