import contextlib
import os
import random
import signal
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch
from toys import FUNCTION, MODULE, NUMBER, Gate, attention

from utils.exercises import Case, normal
from utils.exercises.definition import DefinitionError
from utils.exercises.running import TooSlow, limited, make_cases, plain, run_answer

# an interrupt that falls into a garbage collector's callback is lost there with this warning; the next one succeeds
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def run_one(answer, *args, time_limit=5.0, **kwargs):
    (outcome,) = run_answer(
        answer, [Case(args=args, kwargs=kwargs)], runs_as="function", entry="f", time_limit=time_limit
    )
    return outcome


def test_a_call_gives_a_copy_that_nothing_changes_later():
    held = torch.zeros(2)
    value = run_one(lambda: held).value
    held += 1
    assert value.tolist() == [0, 0]


def test_a_value_that_needs_a_gradient_is_detached():
    assert not run_one(lambda: torch.ones(2, requires_grad=True) * 2).value.requires_grad


def test_a_sparse_answer_is_compared_as_the_dense_one_it_stands_for():
    assert run_one(lambda: torch.eye(2).to_sparse()).value.tolist() == [[1, 0], [0, 1]]


def test_a_table_that_was_not_touched_is_not_taken_for_changed():
    assert run_one(lambda table: 1, pd.DataFrame({"size": [9]})).mutated == ()
    assert run_one(lambda table: table.insert(0, "x", 1), pd.DataFrame({"size": [9]})).mutated == ("table",)


def test_plain_reaches_into_containers():
    inner = torch.ones(1, requires_grad=True)
    copy = plain({"a": (inner, [np.ones(1)]), "b": "text"})
    assert not copy["a"][0].requires_grad
    assert copy["b"] == "text"


@pytest.mark.parametrize("change", [lambda x: x.zero_(), lambda x: x.unsqueeze_(0), lambda x: x.add_(1)])
def test_a_changed_input_is_named(change):
    def f(first, image):
        change(image)
        return first

    assert run_one(f, 1.0, torch.ones(2)).mutated == ("image",)


def test_changed_lists_arrays_and_keywords_are_named_too():
    def f(words, *, table):
        words.append("more")
        table["x"] = 1

    assert run_one(f, ["a"], table={}).mutated == ("words", "table")
    assert run_one(lambda a: a.sort(), np.array([2, 1])).mutated == ("a",)


def test_an_input_without_equality_is_not_taken_for_changed():
    class Opaque:
        pass

    assert run_one(lambda thing: 1, Opaque()).mutated == ()
    assert run_one(lambda thing: 1, [torch.nn.Linear(1, 1)]).mutated == ()


def test_every_call_gets_inputs_of_its_own():
    x = torch.ones(2)
    cases = [Case(args=(x,)), Case(args=(x,))]
    outcomes = run_answer(lambda x: x.add_(1), cases, runs_as="function")
    assert [outcome.value.tolist() for outcome in outcomes] == [[2, 2], [2, 2]]
    assert x.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda: 1, "f takes (nothing), and was called with 2 arguments: too many positional arguments"),
        (lambda a: 1, "f takes (a), and was called with 2 arguments: too many positional arguments"),
        (lambda a, b, c: 1, "f takes (a, b, c), and was called with 2 arguments: missing a required argument: 'c'"),
    ],
)
def test_a_wrong_number_of_arguments_is_told_before_the_call(f, said):
    problem = run_one(f, 1, 2).problem
    assert problem.kind == "arguments"
    assert problem.message == said


def test_a_type_error_inside_the_answer_is_not_taken_for_a_wrong_number_of_arguments():
    def helper(a):
        return a

    assert run_one(lambda a: helper(a, 1), 1).problem.kind == "error"


def test_a_built_in_function_may_be_the_answer():
    assert run_one(max, 1, 2).value == 2


def test_a_crash_tells_type_message_and_the_learners_own_line():
    def helper(x):
        return torch.linalg.inv(x)  # where it happens

    def f(x):
        return helper(x)

    problem = run_one(f, torch.ones(2, 3)).problem
    assert problem.kind == "error"
    assert problem.line == "return torch.linalg.inv(x)  # where it happens"
    assert "must be batches of square matrices" in problem.message
    assert problem.line_number > 0


def test_one_crash_leaves_the_other_cases_their_values():
    outcomes = run_answer(lambda x: 1 / x, [Case(args=(0,)), Case(args=(2,))], runs_as="function")
    assert outcomes[0].problem.type == "ZeroDivisionError"
    assert outcomes[1].value == 0.5


@pytest.mark.parametrize("error", [SystemExit(3), RecursionError("deep"), MemoryError(), StopIteration()])
def test_whatever_an_answer_raises_is_kept_as_a_problem(error):
    def f():
        raise error

    assert run_one(f).problem.type == type(error).__name__


def test_an_endless_recursion_is_a_crash():
    def f(x):
        return f(x)

    assert run_one(f, 1).problem.type == "RecursionError"


def stub_with_message():
    raise NotImplementedError("exercise 0.1.91")


def bare_stub():
    raise NotImplementedError


@pytest.mark.parametrize("answer", [stub_with_message, bare_stub, lambda: ..., ...])
def test_stubs_are_to_do(answer):
    assert run_one(answer).problem.kind == "to do"


@pytest.mark.parametrize("answer", [..., ("b", ...), {"temperature": ...}, [1, (2, ...)]])
def test_a_value_that_still_holds_dots_is_to_do(answer):
    (outcome,) = run_answer(answer, [Case()], runs_as="value")
    assert outcome.problem.kind == "to do"


def test_what_torch_has_not_implemented_is_a_crash_and_not_to_do():
    def f(x):
        return torch.ops.aten.not_there(x) if x is None else x.to_sparse().fancy()

    def unsupported(x):
        error = NotImplementedError("Could not run 'aten::bmm' with arguments from the 'SparseCPU' backend.")
        return (_ for _ in ()).throw(error)

    assert run_one(f, torch.ones(2)).problem.kind == "error"
    assert run_one(unsupported, torch.ones(2)).problem.kind == "error"


@pytest.mark.parametrize("answer", [3, None, "attention", torch.ones(2), Gate])
def test_what_is_not_a_function_is_refused_with_advice(answer):
    problem = run_one(answer).problem
    assert problem.kind == "answer"
    assert "pass f itself, without calling it" in problem.message


def test_what_an_answer_prints_is_kept_and_does_not_reach_the_notebook(capsys):
    def f(x):
        print("shape", x.shape)
        print("careful", file=sys.stderr)
        return x

    assert run_one(f, torch.ones(2)).printed == "shape torch.Size([2])\ncareful\n"
    assert capsys.readouterr() == ("", "")


def test_a_flood_of_print_is_cut():
    def f():
        for _ in range(10_000):
            print("water " * 10)

    assert len(run_one(f).printed) <= 4000


def test_a_check_leaves_the_random_states_as_they_were():
    def f():
        return torch.rand(3), np.random.rand(2), random.random()

    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    before = f()
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    run_one(f)
    make_cases(MODULE, 5)
    after = f()
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]


def test_random_answers_draw_the_same_as_the_reference():
    cases = [Case(), Case()]
    first = run_answer(lambda: torch.randn(3), cases, runs_as="function")
    second = run_answer(lambda: torch.randn(3), cases, runs_as="function")
    assert all(torch.equal(a.value, b.value) for a, b in zip(first, second, strict=True))


def endless():
    while True:
        pass


def asleep():
    time.sleep(30)


def endless_and_catching_all():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


@pytest.mark.parametrize("answer", [endless, asleep, endless_and_catching_all])
def test_an_endless_answer_is_stopped_and_the_limit_named(answer):
    start = time.monotonic()
    problem = run_one(answer, time_limit=0.2).problem
    assert time.monotonic() - start < 2
    assert problem.kind == "too slow"
    assert problem.message.startswith("stopped after 0.2 seconds: ")


def test_an_answer_that_swallows_the_interrupt_is_too_slow_all_the_same():
    def stubborn():
        try:
            endless()
        except BaseException:  # noqa: BLE001
            return 1

    assert run_one(stubborn, time_limit=0.2).problem.kind == "too slow"


def test_cases_after_the_one_that_was_stopped_are_not_run():
    cases = [Case(args=(1,)), Case(args=(0,)), Case(args=(1,))]
    outcomes = run_answer(lambda x: x or endless(), cases, runs_as="function", time_limit=0.2)
    assert outcomes[0].value == 1
    assert [outcome.problem.kind for outcome in outcomes[1:]] == ["too slow", "not run"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to threads")
def test_ctrl_c_passes_through_and_is_not_taken_for_the_limit():
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_one(endless, time_limit=20)
    timer.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_limit_leaves_no_trace():
    handler, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    assert limited(lambda: 3, 10) == 3
    with pytest.raises(TooSlow):
        limited(endless, 0.1)
    assert signal.getsignal(signal.SIGINT) is handler
    assert threading.active_count() == threads


def test_calls_that_end_just_at_the_limit_never_leak_an_interrupt():
    for index in range(60):
        with contextlib.suppress(TooSlow):
            limited(lambda: time.sleep(0.01), 0.0095 + index * 2e-5)
    time.sleep(0.05)  # a stray interrupt would raise KeyboardInterrupt here


def test_off_the_main_thread_an_answer_still_runs():
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run_one(lambda: 3)))
    thread.start()
    thread.join()
    assert outcomes[0].value == 3


def test_a_module_is_built_and_given_the_references_weights():
    cases = make_cases(MODULE, 1)
    value = run_answer(Gate, cases, runs_as="module", entry="Gate")[0].value
    same = run_answer(type("Again", (Gate,), {}), cases, runs_as="module", entry="Gate")[0].value
    assert torch.equal(value, same)
    assert (cases[0].state["gate"].abs() >= 0.5).all()


def test_a_module_with_other_weights_is_told_which():
    class Renamed(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.up = torch.nn.Linear(width, 2 * width)
            self.door = torch.nn.Parameter(torch.zeros(1))

    problem = run_answer(Renamed, make_cases(MODULE, 1), runs_as="module", entry="Gate")[0].problem
    assert problem.kind == "weights"
    assert "gate is missing" in problem.message
    assert "door was not asked for" in problem.message
    assert "up.weight has shape (8, 4) where (4, 4) was expected" in problem.message


def test_a_module_is_run_in_evaluation_mode():
    class Dropping(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = torch.nn.Dropout(0.5)

        def forward(self, x):
            return self.drop(x)

    case = Case(args=(torch.ones(100),))
    assert run_answer(Dropping, [case], runs_as="module")[0].value.tolist() == [1.0] * 100


class NoForward(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up = torch.nn.Linear(width, width)
        self.gate = torch.nn.Parameter(torch.zeros(1))


class NoSuper(torch.nn.Module):
    def __init__(self, width):
        self.up = torch.nn.Linear(width, width)


class NoModule:
    def __init__(self, width):
        pass


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Gate(4), "answer", "a class is needed here"),
        (attention, "answer", "a class is needed here"),
        (NoModule, "answer", "class Gate(nn.Module)"),
        (NoForward, "to do", "forward"),
        (NoSuper, "error", "before Module.__init__() call"),
        (type("NoWidth", (Gate,), {"__init__": lambda self: None}), "arguments", "'width'"),
        (type("NoInput", (Gate,), {"forward": lambda self: None}), "arguments", "too many positional"),
    ],
)
def test_what_is_not_the_module_asked_for_is_told_apart(answer, kind, said):
    problem = run_answer(answer, make_cases(MODULE, 1), runs_as="module", entry="Gate")[0].problem
    assert problem.kind == kind
    assert said in problem.message


def test_the_same_seed_draws_the_same_cases():
    (one, _), (same, _), (other, _) = (make_cases(FUNCTION, seed) for seed in (3, 3, 4))
    assert torch.equal(one.args[0], same.args[0])
    assert not torch.equal(one.args[0], other.args[0])


def test_a_value_has_one_empty_case():
    assert [case.args for case in make_cases(NUMBER, 0)] == [()]


def test_an_exercise_without_a_case_is_the_courses_mistake():
    from dataclasses import replace

    with pytest.raises(DefinitionError, match="gave no case"):
        make_cases(replace(FUNCTION, cases=lambda rng: []), 0)


def test_normal_draws_float32():
    assert normal(np.random.default_rng(0), 2, 3).dtype == torch.float32
