"""Values cross from one process to the other unchanged, and nothing that a hostile process sends does harm."""

import collections
import enum
import json
import math
import struct
import time

import numpy as np
import pytest
import torch

from utils.exercises import all_exercises
from utils.exercises.checking import run
from utils.exercises.judging import judge
from utils.exercises.running import Outcome, make_cases
from utils.grading import protocol
from utils.grading.protocol import HEADER, Opaque, ProtocolError, body_size, pack, unpack

EXERCISES = all_exercises(missing_ok=True)


def travelled(value):
    return unpack(pack(value))


def same(one, other) -> bool:
    """Whether two values are the same to the last bit: types, dtypes, shapes, order of keys, the sign of zero."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and bits(one) == bits(other)
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, complex):
        return same([one.real, one.imag], [other.real, other.imag])
    if isinstance(one, float):
        return one.hex() == other.hex()
    return one == other


def bits(tensor: torch.Tensor) -> bytes:
    flat = tensor.resolve_conj().reshape(-1).clone(memory_format=torch.contiguous_format)
    return flat.view(torch.uint8).numpy().tobytes()


def message(tree, blob: bytes = b"") -> bytes:
    """A message as somebody may write it who does not use `pack`."""
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return HEADER.pack(len(text), len(blob)) + text + blob


# what travels -------------------------------------------------------------------------------------------------------

PLAIN = {
    "nothing": None,
    "truth": [True, False],
    "whole numbers": [0, -1, 7, 2**64, -(2**200)],
    "floats": [0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan],
    "complex": [1j, complex(-0.0, math.inf)],
    "text": ["", "a", "ümläut ✓ 🙂", "two\nlines\0", "\ud800"],
    "bytes": [b"", bytes(range(256))],
    "lists and tuples": [[], (), [1, (2, [3])], ([],)],
    "sets": [set(), {1, "a", (2, None)}, frozenset({1.5})],
    "keys": {"a": 1, 2: "b", (3, "c"): None, None: 0, True: 1.0, 2.5: 2, b"d": 3, 1j: 4, frozenset({5}): 5},
    "order of keys": {"b": 1, "a": 2},
}


@pytest.mark.parametrize("what", PLAIN)
def test_plain_values_travel_unchanged(what):
    assert same(travelled(PLAIN[what]), PLAIN[what])


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (4, 1, 5)], ids=str)
@pytest.mark.parametrize("name", protocol.TENSOR_TYPES)
def test_tensors_of_every_type_and_shape_travel_unchanged(name, shape):
    tensor = torch.arange(math.prod(shape)).reshape(shape).to(getattr(torch, name))
    assert same(travelled(tensor), tensor)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (4, 1, 5)], ids=str)
@pytest.mark.parametrize("name", protocol.ARRAY_TYPES)
def test_arrays_of_every_type_and_shape_travel_unchanged(name, shape):
    array = np.arange(math.prod(shape)).reshape(shape).astype(name)
    assert same(travelled(array), array)


@pytest.mark.parametrize("name", protocol.ARRAY_TYPES)
def test_scalars_of_numpy_keep_their_type(name):
    scalar = np.ones((), name)[()]
    assert isinstance(scalar, np.generic)
    assert same(travelled(scalar), scalar)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_nan_infinity_and_minus_zero_keep_every_bit(name):
    tensor = torch.tensor([math.nan, -math.nan, math.inf, -math.inf, -0.0]).to(getattr(torch, name))
    assert same(travelled(tensor), tensor)


def test_a_payload_within_nan_is_kept():
    tensor = torch.tensor([0x7FC0DEAD], dtype=torch.int32).view(torch.float32)
    assert travelled(tensor).view(torch.int32).tolist() == [0x7FC0DEAD]


LAYOUTS = {
    "transposed": lambda: torch.arange(6.0).reshape(2, 3).T,
    "strided": lambda: torch.arange(12.0)[::3],
    "expanded": lambda: torch.tensor([[1.0], [2.0]]).expand(2, 4),
    "a part of a large one": lambda: torch.zeros(1000, 1000)[3, 4:6],
    "conjugate": lambda: torch.tensor([1 + 2j, 3 - 4j]).conj(),
    "one number of a strided one": lambda: torch.arange(4.0)[::2][1:],
    "negated": lambda: torch.tensor([1 + 2j]).conj().imag,
    "with gradient": lambda: torch.ones(2, requires_grad=True) * 2,
    "a parameter": lambda: torch.nn.Parameter(torch.ones(2)),
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_a_tensor_travels_as_its_numbers_whatever_its_layout(what):
    tensor = LAYOUTS[what]()
    assert same(travelled(tensor), torch.tensor(tensor.tolist(), dtype=tensor.dtype))


def test_only_what_a_tensor_shows_travels_not_all_that_lies_behind_it():
    assert len(pack(torch.zeros(1000, 1000)[0, :2])) < 200


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::2], np.s_[1:, 1:]], ids=str)
def test_an_array_travels_as_its_numbers_whatever_its_strides(view):
    array = np.arange(12.0).reshape(3, 4)[view]
    assert same(travelled(array), array.copy())


class Colour(str, enum.Enum):  # noqa: UP042 - prints as Colour.RED, and is equal to "red"
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Shares(dict):
    pass


Point = collections.namedtuple("Point", "x y")

SUBCLASSES = {
    "a member of a text enumeration": (Colour.RED, "red"),
    "a member of a number enumeration": (Level.HIGH, 3),
    "a named tuple": (Point(1, 2), (1, 2)),
    "a size": (torch.zeros(2, 3).size(), (2, 3)),
    "a subclass of dict": (Shares(a=1), {"a": 1}),
    "a counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "a dictionary in order": (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "text of numpy's": (np.array(["two", "words"])[0], "two"),
    "a byte array": (bytearray(b"ab"), b"ab"),
    "a matrix": (np.ma.array([1.0, 2.0]), np.array([1.0, 2.0])),
}


@pytest.mark.parametrize("what", SUBCLASSES)
def test_a_subclass_arrives_as_what_it_is_a_kind_of(what):
    sent, arrives = SUBCLASSES[what]
    assert same(travelled(sent), arrives)


def test_numbers_of_numpy_may_be_keys_and_are_found_as_any_other():
    assert travelled({np.int64(3): "three"})[3] == "three"


OPAQUE = {
    "an object": object(),
    "a function": len,
    "a class": int,
    "a generator": (number for number in ()),
    "a range": range(3),
    "an integer of 40,000 digits": 10**40_000,
    "a text of two million characters": "x" * 2_000_000,
    "a sparse tensor": torch.eye(2).to_sparse(),
    "an array of objects": np.array([object()]),
    "an array of texts": np.array(["a"]),
    "a table of mixed types": np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
    "a date": np.datetime64("2025-01-01"),
    "another byte order": np.zeros(2, dtype=">f4"),
}


@pytest.mark.parametrize("what", OPAQUE)
def test_what_does_not_travel_is_said_to_be_there(what):
    assert isinstance(travelled(OPAQUE[what]), Opaque)
    assert isinstance(travelled([1, {"a": OPAQUE[what]}])[1]["a"], Opaque)


def test_nesting_without_end_ends_in_something_opaque():
    endless = []
    endless.append(endless)
    value, depth = travelled(endless), 0
    while isinstance(value, list):
        value, depth = value[0], depth + 1
    assert isinstance(value, Opaque)
    assert depth == protocol.DEPTH_LIMIT + 1


def test_keys_that_do_not_travel_stay_apart():
    assert len(travelled({object(): 1, object(): 2})) == 2


def test_what_arrives_can_be_changed_and_changes_nothing_else():
    tensor, again = unpack(pack([torch.zeros(2), torch.zeros(2)]))
    tensor += 1
    assert again.tolist() == [0, 0]


@pytest.mark.parametrize("value", [torch.zeros(20_000_000), ["x" * 900_000] * 5], ids=["tensor", "text"])
def test_too_much_is_refused_when_it_is_packed(value):
    with pytest.raises(ProtocolError, match="bytes"):
        pack(value)


# what the course sends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_the_cases_of_every_exercise_travel_unchanged(exercise):
    for seed in range(3):
        for case in make_cases(exercise, seed):
            sent = [case.args, dict(case.kwargs), dict(case.init), case.weights, case.state and dict(case.state)]
            assert same(travelled(sent), sent)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_right_answers_of_every_exercise_still_pass_after_their_travel(exercise):
    """So nothing that an exercise asks for is opaque, and nothing is lost that its comparison looks at."""
    cases = make_cases(exercise, 0)
    expected = run(exercise, exercise.reference, cases, 0)
    for answer in (exercise.reference, *exercise.alternatives):
        outcomes = run(exercise, answer, cases, 0)
        arrived = [Outcome(value=travelled(outcome.value), measured=outcome.measured) for outcome in outcomes]
        assert judge(exercise, cases, arrived, expected).passed


# what is refused ----------------------------------------------------------------------------------------------------

FLOATS = struct.pack("<2f", 1.0, 2.0)
MALFORMED = {
    "nothing": b"",
    "half a header": b"\0\0\0",
    "a body that is missing": HEADER.pack(10, 0),
    "more than it says": message(["none"]) + b"x",
    "less than it says": message(["none"])[:-1],
    "a tree that is too large": HEADER.pack(protocol.TREE_LIMIT + 1, 0),
    "a blob that is too large": HEADER.pack(2, protocol.BLOB_LIMIT + 1),
    "not JSON": message(b"hello"),
    "an empty tree": message(b""),
    "not text": message(b"\xff\xfe\xfd"),
    "an integer of 5,000 digits": message(b"9" * 5000),
    "nested too deeply for JSON": message(b"[" * 100_000),
    "nested too deeply": message(json.loads('["list",[' * 60 + '["none"]' + "]]" * 60)),
    "a number": message(7),
    "an object": message({"none": 1}),
    "an empty node": message([]),
    "a kind that is no text": message([["none"]]),
    "an unknown kind": message(["function", "len"]),
    "a method's name": message(["_bytes", 0, 0]),
    "a kind with a lone surrogate": message(["\ud800"]),
    "too few parts": message(["tensor", "float32"]),
    "too many parts": message(["none", 1]),
    "a number for a truth": message(["bool", 1]),
    "a number as a number": message(["int", 3]),
    "an integer that is none": message(["int", "xyz"]),
    "an integer that is too long": message(["int", "f" * 10_000]),
    "a float that is none": message(["float", "one"]),
    "a float out of range": message(["float", "0x1p99999"]),
    "a float that is too long": message(["float", "0x" + "0" * 100 + "1"]),
    "half a complex number": message(["complex", "0x1p0"]),
    "text that is a list": message(["str", ["a"]]),
    "text that is too long": message(["str", "x" * (protocol.STRING_LIMIT + 1)]),
    "items that are no list": message(["list", {"a": 1}]),
    "an item that is no node": message(["list", [1]]),
    "pairs that are no pairs": message(["dict", [[["none"]]]]),
    "pairs that are text": message(["dict", ["ab"]]),
    "a list as a key": message(["dict", [[["list", []], ["none"]]]]),
    "a dictionary in a set": message(["set", [["dict", []]]]),
    "an array as a key": message(["dict", [[["array", "float32", [2], 0, 8], ["none"]]]], FLOATS),
    "an unknown dtype": message(["tensor", "float7", [2], 0, 8], FLOATS),
    "a dtype that is a function of torch": message(["tensor", "load", [2], 0, 8], FLOATS),
    "a dtype that is no text": message(["tensor", ["float32"], [2], 0, 8], FLOATS),
    "objects": message(["array", "object", [1], 0, 8], FLOATS),
    "a shape that is no list": message(["tensor", "float32", "2", 0, 8], FLOATS),
    "a shape of floats": message(["tensor", "float32", [2.0], 0, 8], FLOATS),
    "a shape of truths": message(["tensor", "float32", [True, 2], 0, 8], FLOATS),
    "a shape below zero": message(["tensor", "float32", [-1, -2], 0, 8], FLOATS),
    "a shape that is too large": message(["tensor", "float32", [3], 0, 8], FLOATS),
    "a shape beyond all memory": message(["tensor", "float32", [2**31] * 32, 0, 0]),
    "a shape of nothing beyond all memory": message(["tensor", "float32", [2**31] * 31 + [0], 0, 0]),
    "too many dimensions": message(["tensor", "float32", [1] * 33, 0, 4], FLOATS[:4]),
    "bytes beyond the end": message(["tensor", "float32", [2], 4, 8], FLOATS),
    "bytes before the start": message(["tensor", "float32", [2], -8, 8], FLOATS),
    "a length that is a float": message(["tensor", "float32", [2], 0, 8.0], FLOATS),
    "a length that is a truth": message(["tensor", "uint8", [1], 0, True], b"a"),
    "a length below zero": message(["bytes", 0, -1], FLOATS),
    "the same bytes twice": message(["list", [["bytes", 0, 8]] * 2], FLOATS),
    "a third truth value": message(["tensor", "bool", [2], 0, 2], b"\x01\x02"),
    "a scalar with a shape": message(["scalar", "float32", [2], 0, 8], FLOATS),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_message_is_a_protocol_error_and_nothing_else(what):
    with pytest.raises(ProtocolError):
        unpack(MALFORMED[what])


def test_a_header_that_promises_too_much_is_refused_before_anything_is_read():
    with pytest.raises(ProtocolError, match="larger than is allowed"):
        body_size(HEADER.pack(2**32 - 1, 2**32 - 1))


MODULUS = 2**61 - 1  # what Python takes integers modulo of to hash them
COLLIDING = {
    "a set": ["set", [["int", format(number * MODULUS, "x")] for number in range(100_000)]],
    "a dictionary": ["dict", [[["int", format(number * MODULUS, "x")], ["none"]] for number in range(60_000)]],
}
COSTLY = {
    "a set whose keys nearly collide": ["set", [["int", format(number << 40, "x")] for number in range(100_000)]],
    "empty tensors": ["list", [["tensor", "bool", [0], 0, 0]] * 100_000],
    "empty lists": ["list", [["list", []]] * 200_000],
}
SECONDS = 10


@pytest.mark.parametrize("what", COLLIDING)
def test_keys_made_to_collide_are_refused_before_a_table_of_them_takes_minutes(what):
    start = time.process_time()
    with pytest.raises(ProtocolError, match="the same hash"):
        unpack(message(COLLIDING[what]))
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("what", COSTLY)
def test_the_costliest_messages_cost_seconds(what):
    start = time.process_time()
    unpack(message(COSTLY[what]))
    assert time.process_time() - start < SECONDS
