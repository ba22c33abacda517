"""Whatever is handed in and whatever a hostile process sends: only the errors that are meant for it come out.

20,000 cases and more in all; `FUZZ_FACTOR=50 pytest tests/grading/test_fuzz.py` tries fifty times as many.
"""

import contextlib
import copy
import functools
import json
import math
import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_protocol import message, same

from utils.exercises import all_exercises
from utils.exercises.checking import run, run_misconceptions
from utils.exercises.describing import is_array, is_tensor
from utils.exercises.judging import judge
from utils.exercises.running import Outcome, make_cases
from utils.grading import grader as grading
from utils.grading.feedback import feedback
from utils.grading.grader import Grader
from utils.grading.protocol import HEADER, Opaque, ProtocolError, pack, unpack
from utils.grading.records import Grade
from utils.grading.sandbox import RunEnded
from utils.lessons import LESSONS
from utils.publishing.submission import (
    ANSWER_LIMIT,
    NotebookError,
    find_lesson_of,
    parse_notebook,
    read_pristine,
    take_answers,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # torch, of predicates that are handed anything
FACTOR = float(os.environ.get("FUZZ_FACTOR", "1"))
EXERCISES = all_exercises(missing_ok=True)


def tries(number: int):
    return settings(
        max_examples=max(1, int(number * FACTOR)), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )


# what is tried ------------------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**64)  # of changes to something real, which a test makes itself: far faster than drawing them
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([0, -1, 2**63, 10**400, 1e308, math.nan, math.inf, -0.0])
)
texts = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(), max_size=5),  # with lone surrogates
    st.sampled_from(
        ["code", "markdown", "answer-0-1-1", "answer-2-3-1", "0.1.1", "0.1", "2.3", "9.9", "\0", "\x1b[2J"]
    ),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(texts, inner, max_size=5)),
    max_leaves=12,
)
cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": texts | json_values,
        "id": texts | json_values,
        "source": texts | st.lists(texts, max_size=3) | json_values,
        "input": texts,
        "metadata": json_values
        | st.fixed_dictionaries(
            {}, optional={"course": json_values | st.fixed_dictionaries({"answer": texts}), "nbgrader": json_values}
        ),
    },
)
notebooks = st.fixed_dictionaries(
    {},
    optional={
        "nbformat": st.integers(-1, 6) | json_values,
        "cells": st.lists(cells | json_values, max_size=5) | json_values,
        "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(cells, max_size=3)}) | json_values, max_size=2)
        | json_values,
        "metadata": json_values | st.fixed_dictionaries({"course": st.fixed_dictionaries({"lesson": texts})}),
    },
)
arrays = st.builds(
    lambda name, shape, seed: np.random.default_rng(seed).integers(0, 100, shape).astype(name),
    st.sampled_from(["bool", "uint8", "int64", "float16", "float32", "float64", "complex64"]),
    st.lists(st.integers(0, 4), max_size=4),
    st.integers(0, 100),
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    st.complex_numbers(),
    st.text(max_size=10),
    st.binary(max_size=10),
    arrays,
    arrays.map(torch.from_numpy),
    arrays.filter(lambda array: array.size).map(lambda array: array.reshape(-1)[0]),
)
keys = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.tuples(st.integers(), st.text()))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4),
    ),
    max_leaves=8,
)
nodes = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from(["none", "opaque", "bool", "int", "float", "str", "x"]), json_values),
        st.tuples(st.sampled_from(["bytes"]), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(
            st.sampled_from(["tensor", "array", "scalar"]),
            st.sampled_from(["bool", "int8", "float32", "bfloat16", "object", "load"]),
            st.lists(st.integers(-1, 3), max_size=3) | json_values,
            st.integers(0, 1),
            st.integers(0, 16),
        ),
        json_values,
    ).map(lambda node: list(node) if isinstance(node, tuple) else node),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["list", "tuple", "set", "frozenset"]), st.lists(inner, max_size=4)).map(list),
        st.tuples(st.just("dict"), st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3)).map(list),
    ),
    max_leaves=8,
)

ODD_BYTES = [b'"', b"[", b"]", b"{", b"}", b",", b":", b"\\", b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"NaN"]
ODD_BYTES += [b"1e999", b"9" * 5000, b"-", b"[" * 2000, b"null", b"\xef\xbb\xbf", b"\n", b'""', b"\xf0\x9f\x99\x82"]
ODD_VALUES = [
    None,
    True,
    0,
    -1,
    1,
    2**31,
    2**63,
    10**400,
    1e308,
    math.nan,
    math.inf,
    "",
    "code",
    "\ud800",
    "\0",
    "none",
]
ODD_VALUES += [[], {}, [[]], {"": []}, "x" * 30_000, ["a", "b"], ["none"], ["int", "-1"], ["tensor"], [None] * 300]


def other_bytes(data: bytes, rng: random.Random) -> bytes:
    """`data` with a few places changed, cut, doubled or moved."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(changed) + 1)
        end = min(len(changed), start + rng.choice([1, 1, 2, 8, 100]))
        match rng.randrange(6):
            case 0:
                changed[start:end] = rng.randbytes(end - start)
            case 1:
                changed[start:start] = rng.choice(ODD_BYTES)
            case 2:
                changed[start:end] = rng.choice(ODD_BYTES)
            case 3:
                del changed[start:end]
            case 4:
                changed[start:start] = changed[start:end]
            case 5 if rng.random() < 0.2:
                del changed[start:]
    return bytes(changed)


def other_tree(tree, rng: random.Random):
    """`tree`, whose lists and dictionaries are changed in a few places."""
    for _ in range(rng.randint(1, 3)):
        parent = tree
        while isinstance(parent, list | dict) and parent:
            places = list(parent) if isinstance(parent, dict) else range(len(parent))
            place = rng.choice(places)
            if isinstance(parent[place], list | dict) and parent[place] and rng.random() < 0.8:
                parent = parent[place]
                continue
            match rng.randrange(4):
                case 0 | 1:
                    parent[place] = copy.deepcopy(rng.choice(ODD_VALUES))
                case 2:
                    del parent[place]
                case 3 if isinstance(parent, list):
                    parent.insert(place, copy.deepcopy(rng.choice(parent)))
                case 3:
                    parent[rng.choice(["id", "source", "cells", "metadata", "problem", "value", "mutated"])] = (
                        copy.deepcopy(parent[place])
                    )
            break
    return tree


# notebooks ----------------------------------------------------------------------------------------------------------


@functools.cache
def real_notebooks() -> list[bytes]:
    """Solutions and learners' notebooks, without what is not looked at: prose and outputs."""
    found = []
    for lesson in LESSONS:
        for path in (lesson.solution, lesson.notebook):
            content = json.loads(path.read_text(encoding="utf-8"))
            content["cells"] = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
            for cell in content["cells"]:
                del cell["outputs"]
            found.append(json.dumps(content).encode())
    return found


@functools.cache
def pristine(lesson):
    return read_pristine(lesson.solution)


def read(data: bytes) -> None:
    """Take the answers from `data` as the grader does; out come answers that can be run, or a NotebookError."""
    try:
        notebook = parse_notebook(data, Path("fuzzed.ipynb"))
        answers = take_answers(notebook, pristine(find_lesson_of(notebook, LESSONS)))
    except NotebookError as error:
        said, answers = str(error), {}
    else:
        said = "fuzzed.ipynb has answers"
    assert "fuzzed.ipynb" in said
    assert len(said) < 1000
    for answer in answers.values():
        assert answer.source is None or (type(answer.source) is str and len(answer.source) <= ANSWER_LIMIT)
        assert type(answer.problem) is str


@tries(500)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_notebook_or_a_notebook_error(data):
    read(data)


@tries(500)
@given(json_values)
def test_any_json_is_a_notebook_or_a_notebook_error(value):
    read(json.dumps(value).encode())


@tries(500)
@given(notebooks)
def test_anything_like_a_notebook_is_one_or_a_notebook_error(content):
    read(json.dumps(content).encode())


@tries(4500)
@given(seeds)
def test_real_notebooks_with_bytes_changed_are_notebooks_or_notebook_errors(seed):
    rng = random.Random(seed)
    read(other_bytes(rng.choice(real_notebooks()), rng))


@tries(4500)
@given(seeds)
def test_real_notebooks_with_parts_changed_are_notebooks_or_notebook_errors(seed):
    rng = random.Random(seed)
    read(json.dumps(other_tree(json.loads(rng.choice(real_notebooks())), rng)).encode())


# messages -----------------------------------------------------------------------------------------------------------

PLAIN = {type(None), bool, int, float, complex, str, bytes, Opaque, torch.Tensor, np.ndarray}


def is_plain(value) -> bool:
    """Whether nothing of `value` can run code of its own."""
    if type(value) in (list, tuple, set, frozenset):
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    return type(value) in PLAIN or isinstance(value, np.number | np.bool_)


@functools.cache
def real_questions() -> list[grading._Question]:
    """Each exercise of the course, asked."""
    found = []
    for exercise in EXERCISES:
        cases = make_cases(exercise, 0)
        found.append(grading._Question(exercise, "", 0, cases, run(exercise, exercise.reference, cases, 0)))
    return found


def right_message(question) -> dict:
    """What a process sends that has the right answer."""
    outcomes = [{"value": outcome.value, "problem": None, "mutated": []} for outcome in question.expected]
    return {"exercise": question.exercise.id, "outcomes": outcomes}


@functools.cache
def real_messages() -> list[bytes]:
    problem = {"kind": "error", "message": "m", "type": "ValueError", "line_number": 3}
    failed = {"exercise": "2.3.1", "outcomes": [{"value": None, "problem": problem, "mutated": ["x"]}] * 3}
    everything = [None, True, 3, -(2**70), 0.5, 1j, "text", b"bytes", [1], (2,), {3}, frozenset({4}), {"a": {5: 6}}]
    everything += [torch.ones(2, 3), torch.ones(2, dtype=torch.bfloat16), np.ones(3), np.float32(1), torch.tensor(True)]
    return [pack(right_message(question)) for question in real_questions()] + [pack(failed), pack(everything)]


def receive(data: bytes):
    """The value in `data`, which is plain; or None where it is a protocol error."""
    try:
        value = unpack(data)
    except ProtocolError:
        return None
    assert is_plain(value)
    return value


@tries(400)
@given(values)
def test_any_plain_value_arrives_as_it_was(value):
    assert same(unpack(pack(value)), value)


@tries(700)
@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_a_message_or_a_protocol_error(data, framed):
    receive(message(data) if framed else data)


@tries(400)
@given(nodes, st.binary(max_size=16))
def test_any_tree_is_a_message_or_a_protocol_error(tree, blob):
    receive(message(tree, blob))


@tries(3000)
@given(seeds)
def test_real_messages_with_bytes_changed_are_messages_or_protocol_errors(seed):
    rng = random.Random(seed)
    receive(other_bytes(rng.choice(real_messages()), rng))


def changed_message(data: bytes, rng: random.Random) -> bytes:
    """A message whose tree or blob is changed, and whose header is right."""
    size, _ = HEADER.unpack(data[: HEADER.size])
    tree, blob = data[HEADER.size : HEADER.size + size], data[HEADER.size + size :]
    if rng.random() < 0.7:
        return message(other_tree(json.loads(tree), rng), blob)
    if rng.random() < 0.7:
        return message(other_bytes(tree, rng), blob)
    return message(tree, other_bytes(blob, rng))


@tries(3000)
@given(seeds)
def test_real_messages_with_parts_changed_are_messages_or_protocol_errors(seed):
    rng = random.Random(seed)
    receive(changed_message(rng.choice(real_messages()), rng))


# what the grader makes of them --------------------------------------------------------------------------------------


def hostile_message(question, rng: random.Random) -> bytes:
    """What a process sends that holds the right answer, or a problem, and changes something of it before or after."""
    content = right_message(question)
    if rng.random() < 0.3:
        kind = rng.choice(["error", "arguments", "weights", "answer", "to do", "too slow", "not run", "hidden"])
        type_ = rng.choice(["ValueError", "ProcessEnded", "TooLarge", "CourseCodeAbsent", "int", "\ud800", ""])
        problem = {"kind": kind, "message": "m", "type": type_, "line_number": rng.choice([-1, 0, 1, 10**300])}
        content["outcomes"][-1].update(value=None, problem=problem)
    if rng.random() < 0.3:
        return changed_message(pack(content), rng)
    return pack(other_tree(copy.deepcopy(content), rng) if rng.random() < 0.9 else content)


def check_outcomes(value, question) -> None:
    try:
        outcomes = grading._outcomes(value, question)
    except RunEnded:
        return
    assert len(outcomes) == len(question.cases)
    assert all(outcome.measured is None for outcome in outcomes)
    assert all(outcome.problem is None or outcome.value is None for outcome in outcomes)


@tries(1500)
@given(seeds)
def test_outcomes_with_parts_changed_are_outcomes_or_end_the_run(seed):
    rng = random.Random(seed)
    question = rng.choice(real_questions())
    value = receive(hostile_message(question, rng))
    if value is not None:
        check_outcomes(value, question)


@tries(400)
@given(values, values, seeds)
def test_any_values_in_place_of_outcomes_end_the_run_or_are_judged(value, other, seed):
    rng = random.Random(seed)
    question = rng.choice(real_questions())
    check_outcomes(value, question)
    record = {"value": value, "problem": other, "mutated": rng.choice([[], ["x"], other])}
    check_outcomes({"exercise": question.exercise.id, "outcomes": [record] * len(question.cases)}, question)


@functools.cache
def asked(exercise) -> tuple:
    question = next(question for question in real_questions() if question.exercise is exercise)
    return question, run_misconceptions(exercise, question.cases, 0)


def nearly(value, expected) -> bool:
    """Whether two values are the same or close, found in another way than the course's own comparison."""
    if isinstance(expected, list | tuple):
        return isinstance(value, list | tuple) and len(value) == len(expected) and all(map(nearly, value, expected))
    if isinstance(expected, dict):
        return (
            isinstance(value, dict)
            and set(value) == set(expected)
            and all(nearly(value[k], expected[k]) for k in value)
        )
    if is_tensor(expected):
        value, expected = value.double().numpy(), expected.double().numpy()
    if is_array(expected) or isinstance(expected, int | float):
        return np.shape(value) == np.shape(expected) and np.allclose(
            value, expected, rtol=0.05, atol=0.01, equal_nan=True
        )
    return type(value) is type(expected) and value == expected


MORE_ODD_VALUES = [Opaque(), (), b"", {1: 2}, {None: {(): []}}, {"temperature": 1}, ("b", 1), ("b", 10**300), 10**2000]
MORE_ODD_VALUES += [
    ("a", math.nan),
    torch.zeros(0),
    np.float16(1),
    np.zeros((2, 2)),
    torch.ones(3, dtype=torch.bfloat16),
]


def other_value(value, rng: random.Random):
    """A value with something of it changed."""
    if isinstance(value, list | tuple) and value and rng.random() < 0.8:
        items = list(value)
        place = rng.randrange(len(items))
        items[place] = other_value(items[place], rng)
        return type(value)(items)
    if is_tensor(value) and rng.random() < 0.8:
        change = rng.choice(
            [
                lambda x: x.double(),
                lambda x: x.half(),
                lambda x: x.long(),
                lambda x: x[None],
                lambda x: x + rng.choice([0, 1e-9, 0.3, math.nan, math.inf]),
                lambda x: x * 1j,
                lambda x: x.flatten()[:0],
                lambda x: x.numpy(),
                lambda x: x.tolist(),
                lambda x: x > 0,
            ]
        )
        return change(value)
    if isinstance(value, int | float) and rng.random() < 0.8:
        large = 1e300 if isinstance(value, float) else 10**300
        factor, added = rng.choice([1, 1.0, -1, 1 + 1e-9, 1.5, math.nan, large]), rng.choice([0, 1, 1j])
        return value * factor + (0 if factor == large else added)
    return copy.deepcopy(rng.choice([*ODD_VALUES, *MORE_ODD_VALUES]))


@tries(120)
@given(seed=seeds)
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_any_plain_values_are_judged_and_pass_only_if_they_are_right(exercise, seed):
    rng = random.Random(seed)
    question, wrong = asked(exercise)
    outcomes = tuple(
        Outcome(
            value=expected.value if rng.random() < 0.2 else unpack(pack(other_value(expected.value, rng))),
            mutated=("x",) * (rng.random() < 0.05),
            measured=None if exercise.kind != "tune" else rng.choice([0.0, 1e9, -1e9, math.nan, math.inf]),
        )
        for expected in question.expected
    )
    verdict = judge(exercise, question.cases, outcomes, question.expected, wrong)
    assert verdict.status in ("passed", "not yet")
    assert 0 <= verdict.earned <= exercise.points
    text = feedback(exercise, verdict, "answer = 1")
    assert bool(text) == (verdict.status != "passed")
    if verdict.passed and exercise.compare.judge is None and exercise.kind != "tune":
        got = [outcome.value for outcome in outcomes]
        if exercise.kind == "choice":
            got = [[letter.strip().lower(), number] for letter, number in got]
        assert nearly(got, [expected.value for expected in question.expected])


class HostileSandbox:
    """Sends for each part a right message that somebody has changed, or ends."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    @contextlib.contextmanager
    def run(self, request: bytes, cpu_seconds: int):
        self._parts = iter([part["exercise"] for part in unpack(request)["parts"] if part["call"]])
        yield self

    def receive(self, seconds: float):
        exercise = next(self._parts)
        question = next(question for question in real_questions() if question.exercise.id == exercise)
        if self._rng.random() < 0.1:
            raise RunEnded(self._rng.choice(["ended", "too slow", "malformed", "lost"]))
        try:
            return unpack(hostile_message(question, self._rng))
        except ProtocolError:
            raise RunEnded("malformed") from None

    def close(self) -> None:
        """Nothing is open."""


@functools.cache
def grader_of(lesson) -> Grader:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "open_sandbox", lambda *arguments, **settings: None)
        return Grader(lessons=(lesson,))


@tries(30)
@given(seed=seeds)
def test_whatever_the_isolated_process_sends_a_grade_comes_out(seed):
    rng = random.Random(seed)
    lesson = rng.choice(LESSONS)
    opened = grader_of(lesson)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "_sandbox", HostileSandbox(rng))
        patch.setattr(grading, "_measured", lambda exercise, outcome, seed: replace(outcome, measured=rng.random()))
        grade = opened.grade(lesson.solution.read_bytes(), "fuzzed.ipynb", "nonce")
    assert grade.problem == ""
    assert 0 <= grade.earned <= grade.points
    assert Grade.from_dict(json.loads(json.dumps(grade.as_dict()))) == grade
