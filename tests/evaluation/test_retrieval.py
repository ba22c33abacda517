"""Recall and zero-shot accuracy, by hand on matrices small enough to check by eye."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.evaluation import class_embeddings, hits_at_k, recall_at_k, zero_shot_correct

MATRIX = torch.tensor(
    [
        [0.9, 0.1, 0.2, 0.0],  # right at once
        [0.8, 0.5, 0.1, 0.0],  # second
        [0.7, 0.6, 0.3, 0.5],  # last
        [0.1, 0.2, 0.3, 0.4],  # right at once
    ]
)
seeds = st.integers(0, 2**32 - 1)


def random_matrix(seed: int, number: int) -> torch.Tensor:
    return torch.randn(number, number, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("k", "expected"), [(1, [1, 0, 0, 1]), (2, [1, 1, 0, 1]), (3, [1, 1, 0, 1]), (4, [1, 1, 1, 1])]
)
def test_hits_by_hand(k, expected):
    assert hits_at_k(MATRIX, k).int().tolist() == expected


def test_recall_by_hand_both_ways():
    result = recall_at_k(MATRIX)
    assert result.image_to_text.mean == 0.5
    assert result.text_to_image.mean == 0.25  # the columns' largest: 0.9, 0.6, 0.3 twice, 0.5
    assert recall_at_k(MATRIX, 2).image_to_text.mean == 0.75
    assert recall_at_k(MATRIX, 2).k == 2


def test_the_two_ways_differ_and_the_worse_is_named():
    matrix = torch.tensor([[1.0, 0.9], [1.1, 1.2]])  # each picture finds its text; text 0 prefers picture 1
    result = recall_at_k(matrix)
    assert (result.image_to_text.mean, result.text_to_image.mean) == (1, 0.5)
    assert result.worse == 0.5


@given(seed=seeds, number=st.integers(1, 10), k=st.integers(1, 10))
def test_hits_are_those_of_sorting_by_hand(seed, number, k):
    k, matrix = min(k, number), random_matrix(seed, number)
    expected = [row in matrix[row].argsort(descending=True)[:k] for row in range(number)]
    assert hits_at_k(matrix, k).tolist() == expected


@given(seed=seeds, number=st.integers(2, 10))
@settings(max_examples=30)
def test_a_larger_k_never_finds_less_and_k_of_all_finds_everything(seed, number):
    matrix = random_matrix(seed, number)
    counts = [hits_at_k(matrix, k).sum().item() for k in range(1, number + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == number


@given(seed=seeds, number=st.integers(1, 10))
def test_a_monotone_change_of_the_similarities_changes_nothing(seed, number):
    matrix = random_matrix(seed, number).double()
    assert torch.equal(hits_at_k(matrix), hits_at_k(10 * matrix.exp() - 3))


@pytest.mark.parametrize("value", [0.0, 1.0, torch.inf, -torch.inf, torch.nan])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_a_model_that_says_the_same_of_every_pair_finds_nothing(value, k):
    assert not hits_at_k(torch.full((8, 8), value), k).any()


@given(seed=seeds)
def test_ties_never_help(seed):
    """A right candidate that ties with others is ranked as if it were a little less similar than they."""
    tied = random_matrix(seed, 12).round()
    for k in (1, 3):
        assert torch.equal(hits_at_k(tied, k), hits_at_k(tied - 0.1 * torch.eye(12), k))


def test_a_pair_that_is_no_number_is_no_hit():
    matrix = 5 * torch.eye(3)
    matrix[1, 1] = torch.nan
    assert hits_at_k(matrix).tolist() == [True, False, True]


def test_more_candidates_than_queries_are_distractors():
    assert hits_at_k(torch.tensor([[0.5, 0.1, 0.9], [0.1, 0.8, 0.2]])).tolist() == [False, True]


@pytest.mark.parametrize("k", [0, -1, 5])
def test_a_k_beyond_the_candidates_is_refused(k):
    with pytest.raises(ValueError, match=f"from 1 to the number of candidates, 4, not {k}"):
        hits_at_k(MATRIX, k)


@pytest.mark.parametrize("shape", [(3, 2), (3,), (2, 2, 2)])
def test_similarities_without_a_candidate_for_each_query_are_refused(shape):
    with pytest.raises(ValueError, match="each query's own among them"):
        hits_at_k(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (3,)])
def test_recall_needs_a_square_matrix(shape):
    with pytest.raises(ValueError, match="square matrix") as error:
        recall_at_k(torch.zeros(shape))
    assert str(list(shape)) in str(error.value)


class TestZeroShot:
    def test_the_nearest_class_must_be_the_label(self):
        images = torch.nn.functional.normalize(torch.tensor([[1.0, 0.1], [0.2, 1.0], [1.0, 0.9]]), dim=-1)
        assert zero_shot_correct(images, torch.eye(2), torch.tensor([0, 1, 1])).tolist() == [1, 1, 0]

    @pytest.mark.parametrize("value", [0.0, 1.0, torch.nan])
    @pytest.mark.parametrize("label", [0, 1, 2])
    def test_a_model_that_cannot_tell_classes_apart_is_never_right(self, value, label):
        images = torch.full((4, 5), value)
        assert zero_shot_correct(images, torch.ones(3, 5), torch.full((4,), label)).sum() == 0

    def test_a_class_is_the_direction_of_its_prompts_mean(self):
        vectors = {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [-0.6, 0.8]}
        classes = class_embeddings(lambda texts: torch.tensor([vectors[text] for text in texts]), [("a", "b"), ["c"]])
        torch.testing.assert_close(classes, torch.tensor([[0.5**0.5, 0.5**0.5], [-0.6, 0.8]]))

    def test_classes_hold_on_to_no_graph(self):
        weight = torch.ones(2, requires_grad=True)
        classes = class_embeddings(lambda texts: weight.expand(len(texts), 2) * 1, [["a"]])
        assert not classes.requires_grad
