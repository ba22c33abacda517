import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.exercises import close, custom, exact
from utils.exercises.comparing import find_difference

X = torch.arange(6.0).reshape(2, 3)
NAN_AT = X.clone()
NAN_AT[1, 0] = math.nan


def inf_at():
    spoiled = X.clone()
    spoiled[0, 2] = math.inf
    return spoiled


@pytest.mark.parametrize(
    ("got", "expected", "kind", "said"),
    [
        (None, X, "none", "None where a tensor float32 (2, 3) was expected"),
        (X, None, "type", "a tensor where None was expected"),
        ("text", X, "type", "a str where a tensor float32 (2, 3) was expected"),
        (X.numpy(), X, "type", "an array where a tensor"),
        (X, X.numpy(), "type", "a tensor where an array float32 (2, 3) was expected"),
        (1.0, torch.tensor(1.0), "type", "a float where a tensor float32 () was expected"),
        (len, 3, "type", "the function len where a number was expected"),
        (X, 3.0, "type", "a tensor where a number was expected"),
        (True, 1, "type", "a bool where a number was expected"),
        (1, True, "type", "an int where True or False was expected"),
        ("3", 3, "type", "a str where a number was expected"),
        (X.T, X, "shape", "shape (3, 2) where (2, 3) was expected"),
        (X[None], X, "shape", "shape (1, 2, 3) where (2, 3) was expected"),
        (torch.ones(1), torch.tensor(1.0), "shape", "shape (1,) where () was expected"),
        (X.half(), X, "dtype", "float16, which is less precise than the float32"),
        (X.bfloat16(), X, "dtype", "bfloat16, which is less precise"),
        (X.long(), X, "dtype", "dtype int64 where float32 was expected"),
        (X, X.long(), "dtype", "dtype float32 where int64 was expected"),
        (X > 2, (X > 2).long(), "dtype", "dtype bool where int64 was expected"),
        (NAN_AT, X, "nan", "NaN, not a number, first at [1, 0]"),
        (math.nan, 1.0, "nan", "NaN"),
        (inf_at(), X, "infinite", "an infinite number, first at [0, 2]"),
        (X + 1, X, "value", "other values than expected"),
        (3, 4, "value", "another value than expected"),
        ("b", "a", "value", "another value"),
        ([1, 2], [1, 2, 3], "length", "2 items where 3 were expected"),
        ((1.0, X), 2.0, "type", "a tuple where a number"),
        (3, (1, 2), "type", "an int where a tuple"),
        ({"a": 1}, {"b": 1}, "keys", "without 'b' and with keys that were not asked for"),
        ([1], {"b": 1}, "type", "a list where a dict"),
        (np.array(["a", "b"]), np.array(["a", "c"]), "value", "other values"),
    ],
)
def test_each_way_of_being_wrong_has_its_own_sentence(got, expected, kind, said):
    difference = find_difference(got, expected, close())
    assert difference.kind == kind
    assert said in difference.sentence


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (X, X),
        (X.double(), X),
        (X + 1e-6, X),
        (X.clone().requires_grad_(), X),
        (X.int(), X.long()),
        (NAN_AT, NAN_AT),
        (inf_at(), inf_at()),
        (torch.tensor(2.0), 2.0),
        (np.float32(2.0), 2.0),
        (np.int64(2), 2),
        (2.0, 2),
        (torch.tensor(True), True),
        ([1, 2], (1, 2)),
        ({"a": X, "b": [1]}, {"b": (1,), "a": X}),
        (None, None),
        ("a", "a"),
        (torch.empty(0, 3), torch.empty(0, 3)),
        (torch.tensor([1 + 2j]), torch.tensor([1 + 2j])),
        (X.bfloat16(), X.bfloat16()),
    ],
)
def test_what_a_fair_teacher_accepts_counts_as_the_same(got, expected):
    assert find_difference(got, expected, close()) is None


def test_the_largest_difference_is_found_with_its_place_and_both_numbers():
    got = X.clone()
    got[0, 1] += 0.25
    got[1, 2] -= 0.5
    difference = find_difference({"loss": [got]}, {"loss": [X]}, close())
    assert difference.largest == pytest.approx(0.5)
    assert difference.where == "['loss'][0][1, 2]"
    assert difference.detail == "2 of 6 differ, most at ['loss'][0][1, 2]: 4.5 where 5 was expected"


def test_the_public_sentence_holds_no_expected_number():
    difference = find_difference(torch.tensor([0.0]), torch.tensor([0.6180339]), close())
    assert "0.618" in difference.detail
    assert "0.618" not in difference.sentence


@pytest.mark.parametrize(("dtype", "accepted", "refused"), [(torch.float32, 1e-5, 1e-3), (torch.float64, 1e-9, 1e-6)])
def test_rounding_is_forgiven_as_far_as_the_precision_goes(dtype, accepted, refused):
    one = torch.ones(3, dtype=dtype)
    assert find_difference(one * (1 + accepted), one, close()) is None
    assert find_difference(one * (1 + refused), one, close()).kind == "value"


def test_tolerances_can_be_set():
    assert find_difference(3000, 3072, close(rtol=0.05)) is None
    assert find_difference(3000, 3072, close()).kind == "value"
    assert find_difference(1.0 + 1e-6, 1.0, exact()).kind == "value"


def test_whole_numbers_are_never_almost_equal():
    big = torch.tensor([2**60])
    assert find_difference(big + 1, big, close()).kind == "value"
    assert find_difference(2**60 + 1, 2**60, close()).kind == "value"


def test_a_wider_dtype_is_refused_where_the_exercise_says_so():
    assert find_difference(X.double(), X, close(same_dtype=True)).kind == "dtype"
    assert find_difference(X.int(), X.long(), exact(same_dtype=True)).kind == "dtype"


class Moody:
    def __eq__(self, other):
        raise RuntimeError("not today")

    __hash__ = None


def test_objects_that_compare_in_their_own_way_are_compared_all_the_same():
    table = pd.DataFrame({"shape": ["circle"], "size": [9]})
    assert find_difference(table.copy(), table, close()) is None
    assert find_difference(table.assign(size=5), table, close()).kind == "value"
    assert find_difference(Moody(), Moody(), close()).kind == "value"


def test_a_custom_comparison_decides_alone_and_sees_the_case():
    from utils.exercises import Case

    def sorts(got, expected, case):
        return "" if sorted(case.args[0]) == got else "that is not sorted"

    case = Case(args=([3, 1],))
    assert find_difference([1, 3], None, custom(sorts), case) is None
    assert find_difference([3, 1], [1, 3], custom(sorts), case).sentence == "that is not sorted"
    assert find_difference(None, [1, 3], custom(sorts), case).kind == "none"


def test_a_custom_comparison_that_stumbles_over_an_odd_answer_refuses_it():
    difference = find_difference("odd", X, custom(lambda got, expected, case: "" if got.sum() > 0 else "no"))
    assert "AttributeError" in difference.sentence


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_everything_is_the_same_as_itself(value):
    assert find_difference(value, value, exact()) is None


@settings(max_examples=50, deadline=None)
@given(VALUES, VALUES)
def test_any_two_values_can_be_compared(one, other):
    difference = find_difference(one, other, close())
    assert difference is None or difference.sentence
