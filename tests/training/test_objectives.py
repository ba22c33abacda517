"""Properties that both contrastive losses must have whatever the logits are."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.training.objectives import info_nce, siglip_loss

settings.register_profile("losses", max_examples=40, deadline=None)
settings.load_profile("losses")


@st.composite
def logit_matrices(draw, largest: float = 30.0):
    number, seed = draw(st.integers(1, 12)), draw(st.integers(0, 2**32 - 1))
    generator = torch.Generator().manual_seed(seed)
    spread = draw(st.floats(0, largest))
    return spread * torch.randn(number, number, generator=generator, dtype=torch.float64)


def orders(number: int, seed: int) -> torch.Tensor:
    return torch.randperm(number, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("loss", [info_nce, siglip_loss])
class TestBothLosses:
    @given(logits=logit_matrices(), seed=st.integers(0, 100))
    def test_the_order_of_the_pairs_does_not_matter(self, loss, logits, seed):
        order = orders(len(logits), seed)
        torch.testing.assert_close(loss(logits[order][:, order]), loss(logits))

    @given(logits=logit_matrices())
    def test_it_is_never_negative(self, loss, logits):
        assert loss(logits) >= 0

    @given(logits=logit_matrices(largest=3.0))
    @settings(max_examples=10)
    def test_its_gradient_is_that_of_finite_differences(self, loss, logits):
        assert torch.autograd.gradcheck(loss, logits.requires_grad_())

    @given(logits=logit_matrices())
    def test_better_pairs_cost_less_and_better_mistakes_cost_more(self, loss, logits):
        logits = logits / 10  # where no exponential has rounded to zero
        gradient = torch.autograd.grad(loss(logits.requires_grad_()), logits)[0]
        off_diagonal = ~torch.eye(len(logits), dtype=torch.bool)
        assert (gradient.diagonal() <= 0).all()
        assert (gradient[off_diagonal] > 0).all()

    def test_it_goes_to_zero_as_the_pairs_stand_out(self, loss):
        sure = 200 * torch.eye(8) - 100
        assert loss(sure).item() == pytest.approx(0, abs=1e-12)

    def test_it_stays_finite_where_exponentials_overflow(self, loss):
        logits = (1e4 * torch.randn(6, 6)).requires_grad_()
        value = loss(logits)
        value.backward()
        assert value.isfinite()
        assert logits.grad.isfinite().all()

    @pytest.mark.parametrize("shape", [(3, 4), (4,), (2, 3, 3)])
    def test_logits_that_are_not_square_are_refused_with_their_shape(self, loss, shape):
        with pytest.raises(ValueError, match="square matrix") as error:
            loss(torch.zeros(shape))
        assert str(list(shape)) in str(error.value)


@given(number=st.integers(1, 40), value=st.floats(-50, 50))
def test_info_nce_of_equal_logits_is_chance_ln_n(number, value):
    logits = torch.full((number, number), value, dtype=torch.float64)
    assert info_nce(logits).item() == pytest.approx(math.log(number))


@given(logits=logit_matrices(), shift=st.floats(-50, 50))
def test_info_nce_does_not_change_when_all_logits_shift(logits, shift):
    torch.testing.assert_close(info_nce(logits + shift), info_nce(logits))


@given(logits=logit_matrices())
def test_info_nce_treats_pictures_and_texts_alike(logits):
    torch.testing.assert_close(info_nce(logits.T), info_nce(logits))


@given(logits=logit_matrices())
def test_info_nce_is_the_mean_surprise_over_rows_and_columns(logits):
    """The loss as a human would write it."""
    total, number = 0.0, len(logits)
    for i in range(number):
        total += torch.logsumexp(logits[i], 0) - logits[i, i]
        total += torch.logsumexp(logits[:, i], 0) - logits[i, i]
    torch.testing.assert_close(info_nce(logits), total / (2 * number))


def test_a_shift_of_one_row_changes_only_what_its_columns_say():
    """Softmax over a row forgets the row's offset; softmax over columns does not."""
    logits = torch.randn(4, 4, dtype=torch.float64)
    shifted = logits.clone()
    shifted[1] += 3
    rows = [torch.nn.functional.cross_entropy(matrix, torch.arange(4)) for matrix in (logits, shifted)]
    torch.testing.assert_close(rows[0], rows[1])
    assert not torch.isclose(info_nce(logits), info_nce(shifted))


@given(logits=logit_matrices())
def test_siglip_asks_one_yes_no_question_a_cell(logits):
    """The loss as a human would write it."""
    total, number = 0.0, len(logits)
    for i in range(number):
        for j in range(number):
            total += torch.nn.functional.softplus(-logits[i, j] if i == j else logits[i, j])
    torch.testing.assert_close(siglip_loss(logits), total / number)


@given(number=st.integers(1, 20))
def test_siglip_of_zero_logits_is_ln_two_for_each_text(number):
    assert siglip_loss(torch.zeros(number, number)).item() == pytest.approx(number * math.log(2), rel=1e-5)


@given(logits=logit_matrices(), seed=st.integers(0, 100))
def test_siglip_takes_matches_wherever_they_stand(logits, seed):
    """Texts in another order, and the matches with them: the same questions, the same loss."""
    order = orders(len(logits), seed)
    matches = torch.eye(len(logits))[:, order]
    torch.testing.assert_close(siglip_loss(logits[:, order], matches), siglip_loss(logits))


@given(logits=logit_matrices(), seed=st.integers(0, 100))
def test_siglip_with_several_matches_a_row_pulls_all_of_them_up(logits, seed):
    matches = torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    logits = (logits / 10).requires_grad_()
    gradient = torch.autograd.grad(siglip_loss(logits, matches), logits)[0]
    assert torch.equal(gradient < 0, matches)
    sure = torch.where(matches, 100.0, -100.0)
    assert siglip_loss(sure, matches).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.bool, torch.long, torch.float32])
def test_siglip_matches_may_be_truths_or_numbers(dtype):
    logits = torch.randn(3, 3, dtype=torch.float64)
    value = siglip_loss(logits, torch.eye(3).to(dtype))
    assert value.dtype == torch.float64
    torch.testing.assert_close(value, siglip_loss(logits))


def test_siglip_takes_more_texts_than_pictures_if_told_the_matches():
    matches = torch.zeros(2, 5)
    matches[:, :2] = torch.eye(2)
    assert siglip_loss(torch.zeros(2, 5), matches).item() == pytest.approx(5 * math.log(2))


def test_siglip_refuses_matches_of_another_shape():
    with pytest.raises(ValueError, match=r"shape of the logits, \[3, 3\], not \[3\]"):
        siglip_loss(torch.zeros(3, 3), torch.ones(3))
