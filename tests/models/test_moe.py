"""Mixtures of experts: who is sent where, what is dropped, what balances, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from utils.models.blocks import FeedForward, count_parameters, initialise
from utils.models.moe import (
    MixtureOfExperts,
    Routing,
    SigmoidRouter,
    SoftmaxRouter,
    active_parameters,
    capacity,
    divide,
    load_balancing_loss,
    mixtures,
    routings,
    upcycle,
    within_capacity,
)
from utils.models.swiglu import SwiGLU


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def x():
    return torch.randn(3, 7, 12)


def mixture(top_k=2, experts=4, **rest):
    return MixtureOfExperts(SoftmaxRouter(12, experts, top_k), [SwiGLU(12, 20) for _ in range(experts)], **rest)


def one_by_one(model, x):
    """What a mixture is by its definition: each token, and each of its experts, in turn."""
    routing, rows = model.router(x.flatten(0, 1)), []
    for token, experts, weights in zip(x.flatten(0, 1), routing.chosen, routing.weights, strict=True):
        row = sum(weight * model.experts[expert](token) for expert, weight in zip(experts, weights, strict=True))
        rows.append(row if model.shared is None else row + model.shared(token))
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_dispatch_in_pieces_gives_what_token_by_token_gives(x, top_k):
    model = mixture(top_k, shared=SwiGLU(12, 8))
    assert torch.allclose(model(x), one_by_one(model, x), atol=1e-6)


@pytest.mark.parametrize("router", [SoftmaxRouter(12, 6, 2), SigmoidRouter(12, 6, 3), SigmoidRouter(12, 6, 2, 3, 1)])
def test_the_load_sums_to_tokens_times_top_k_and_no_expert_is_chosen_twice(x, router):
    routing = router(x.flatten(0, 1))
    assert routing.load.shape == (6,)
    assert routing.load.sum() == 21 * router.top_k
    assert all(len(set(row)) == router.top_k for row in routing.chosen.tolist())
    assert torch.allclose(routing.weights.sum(dim=1), torch.ones(21))
    assert torch.allclose(routing.probabilities.sum(dim=1), torch.ones(21))


def test_with_one_expert_a_token_its_weight_is_its_probability_and_the_router_learns(x):
    model = mixture(top_k=1)
    routing = model.router(x.flatten(0, 1))
    assert torch.equal(routing.weights[:, 0], routing.probabilities.max(dim=1).values)
    model(x).square().sum().backward()
    assert model.router.linear.weight.grad.abs().sum() > 0


def test_an_expert_without_tokens_has_gradients_of_zero(x):
    model = mixture(top_k=1)
    nn.init.zeros_(model.router.linear.weight)  # all probabilities alike: topk takes one and the same
    model(x).sum().backward()
    used = model.router(x.flatten(0, 1)).load > 0
    assert used.sum() == 1
    for expert, has_tokens in zip(model.experts, used.tolist(), strict=True):
        assert (expert.gate.weight.grad.abs().sum() > 0) == has_tokens


@pytest.mark.parametrize("top_k", [2, 3, 4])
def test_an_upcycled_mixture_gives_what_the_dense_network_gave(x, top_k):
    dense = FeedForward(12, 20)
    model = upcycle(dense, SoftmaxRouter(12, 4, top_k))
    assert torch.allclose(model(x), dense(x), atol=1e-6)
    assert all(expert.expand.weight is not dense.expand.weight for expert in model.experts)
    model(x).square().sum().backward()
    assert dense.expand.weight.grad is None


def test_upcycling_refuses_one_expert_a_token():
    with pytest.raises(ValueError, match="top_k of 2 or more"):
        upcycle(FeedForward(12, 20), SoftmaxRouter(12, 4, 1))


def test_a_divided_network_costs_a_token_what_the_dense_one_did():
    dense, router = FeedForward(12, 24), SoftmaxRouter(12, 8, 2)
    for shared in (0, 1):
        model = divide(dense, router, shared)
        active = active_parameters(model) - count_parameters(router)
        # biases on the output: one for each expert that a token meets
        assert active - count_parameters(dense) == 12 * (1 if not shared else 2)
        assert count_parameters(model) > 2 * active_parameters(model)


def test_hidden_units_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="20 hidden units do not divide among 2 chosen and 1 shared experts"):
        divide(FeedForward(12, 20), SoftmaxRouter(12, 4, 2), shared=1)
    with pytest.raises(ValueError, match="do not divide among 2 chosen and -1 shared"):
        divide(FeedForward(12, 20), SoftmaxRouter(12, 4, 2), shared=-1)


def test_shared_experts_see_every_token(x):
    model = mixture(shared=SwiGLU(12, 8))
    whole = model(x)
    shared, model.shared = model.shared, None
    assert torch.allclose(whole, model(x) + shared(x), atol=1e-6)


def routing_of(*chosen, experts=3):
    chosen = torch.tensor(chosen)
    return Routing(
        chosen, torch.full(chosen.shape, 1 / chosen.shape[1]), torch.full((len(chosen), experts), 1 / experts)
    )


def test_an_expert_serves_those_who_come_first_and_drops_the_rest():
    routing = routing_of([0, 1], [0, 2], [1, 0], [0, 1])
    assert within_capacity(routing, 2).tolist() == [[True, True], [True, True], [True, False], [False, False]]
    assert within_capacity(routing, 4).all()
    assert capacity(4, routing, 1.0) == 3  # 4 tokens x 2 choices / 3 experts, rounded up
    assert capacity(4, routing, 0.25) == 1


def test_for_a_dropped_choice_an_expert_adds_nothing(x):
    model = mixture(capacity_factor=0.5)
    routing = model.router(x.flatten(0, 1))
    served = within_capacity(routing, capacity(21, routing, 0.5))
    assert not served.all()
    expected = [
        sum((w * model.experts[e](token) for e, w, s in zip(*row, strict=True) if s), torch.zeros(12))
        for token, *row in zip(x.flatten(0, 1), routing.chosen, routing.weights, served, strict=True)
    ]
    assert torch.allclose(model(x).flatten(0, 1), torch.stack(expected), atol=1e-6)
    assert (model(x).flatten(0, 1)[~served.any(dim=1)] == 0).all(), "the residual connection alone carries them on"


def test_with_room_for_all_none_is_dropped(x):
    model = mixture()
    free = model(x)
    model.capacity_factor = 4.0
    assert torch.equal(model(x), free)


@pytest.mark.parametrize("factor", [None, 0.5])
def test_no_token_depends_on_one_that_comes_after_it(x, factor):
    model = mixture(capacity_factor=factor)
    before = model(x[:1])
    for position in range(1, 7):
        changed = x[:1].clone()
        changed[:, position:] = torch.randn(1, 7 - position, 12)
        assert torch.allclose(model(changed)[:, :position], before[:, :position], atol=1e-6)


def test_the_balancing_loss_is_top_k_at_balance_and_the_number_of_experts_at_collapse():
    even = torch.full((6, 3), 1 / 3)
    assert load_balancing_loss(Routing(torch.tensor([[0], [1], [2]] * 2), torch.ones(6, 1), even)) == pytest.approx(1)
    chosen = torch.tensor([[0, 1], [1, 2], [2, 0]] * 2)
    assert load_balancing_loss(Routing(chosen, torch.ones(6, 2), even)) == pytest.approx(2)
    collapsed = Routing(torch.zeros(6, 1, dtype=torch.long), torch.ones(6, 1), torch.eye(3)[[0] * 6])
    assert load_balancing_loss(collapsed) == pytest.approx(3)


def test_padding_has_no_part_in_the_balancing_loss():
    routing = SoftmaxRouter(12, 4, 2)(torch.randn(9, 12))
    counted = torch.tensor([True] * 5 + [False] * 4)
    alone = Routing(routing.chosen[:5], routing.weights[:5], routing.probabilities[:5])
    assert torch.equal(load_balancing_loss(routing, counted), load_balancing_loss(alone))
    with pytest.raises(ValueError, match="none of the 9 tokens is counted"):
        load_balancing_loss(routing, torch.zeros(9, dtype=torch.bool))


def imbalance(load):
    return (load.max() / load.float().mean()).item()


def skewed():
    """Tokens with a common part, so that nearly all of them choose the same experts."""
    return torch.randn(400, 12) + 2.0


def test_the_balancing_loss_cures_a_collapsed_router():
    x, router = skewed(), SoftmaxRouter(12, 4, 1)
    nn.init.ones_(router.linear.weight[:1])
    assert imbalance(router(x).load) > 3.5
    optimiser = torch.optim.AdamW(router.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        load_balancing_loss(router(x)).backward()
        optimiser.step()
    assert imbalance(router(x).load) < 1.5


def test_biases_balance_without_a_loss_and_touch_no_weight():
    x, router = skewed(), SigmoidRouter(12, 4, 1)
    nn.init.ones_(router.linear.weight[:1])
    assert imbalance(router(x).load) > 3.5
    before = router.linear.weight.detach().clone()
    for _ in range(400):
        router.balance(router(x).load, speed=0.003)
    assert imbalance(router(x).load) < 1.2
    assert torch.equal(router.linear.weight, before)
    assert "bias" in router.state_dict()
    assert "bias" not in dict(router.named_parameters())


def test_a_bias_changes_who_is_chosen_and_not_how_much_it_counts():
    x, router = torch.randn(9, 12), SigmoidRouter(12, 4, 2)
    router.bias[:] = torch.tensor([9.0, 0.0, 0.0, 9.0])
    routing = router(x)
    assert {tuple(sorted(row)) for row in routing.chosen.tolist()} == {(0, 3)}
    scores = router.linear(x).sigmoid().gather(1, routing.chosen)
    assert torch.allclose(routing.weights, scores / scores.sum(dim=1, keepdim=True))


def test_a_token_chooses_within_its_open_groups():
    routing = SigmoidRouter(12, 8, 3, groups=4, open_groups=2)(torch.randn(50, 12))
    assert all(len({expert // 2 for expert in row}) <= 2 for row in routing.chosen.tolist())
    assert len({expert for row in routing.chosen.tolist() for expert in row}) == 8


def test_routings_collects_what_each_router_decides_and_only_inside(x):
    model = nn.Sequential(mixture(), mixture(top_k=1))
    with routings(model) as sent:
        model(x)
    assert [len(routing.chosen) for routing in sent] == [21, 21]
    assert [routing.chosen.shape[1] for routing in sent] == [2, 1]
    model(x)
    assert len(sent) == 2
    assert len(mixtures(model)) == 2


def test_active_parameters_are_those_that_one_token_meets():
    model = mixture(shared=SwiGLU(12, 8))
    assert count_parameters(model) == 4 * 12 + 4 * 3 * 12 * 20 + 3 * 12 * 8
    assert active_parameters(model) == 4 * 12 + 2 * 3 * 12 * 20 + 3 * 12 * 8


@pytest.mark.parametrize("top_k", [0, 5])
def test_top_k_must_be_among_the_experts(top_k):
    with pytest.raises(ValueError, match=f"top_k must be from 1 to the 4 experts .* not {top_k}"):
        SoftmaxRouter(12, 4, top_k)
    with pytest.raises(ValueError, match=f"top_k must be from 1 to the 4 experts .* not {top_k}"):
        SigmoidRouter(12, 4, top_k)


def test_groups_must_divide_the_experts_and_hold_enough_of_them():
    with pytest.raises(ValueError, match="6 experts do not divide into 4 groups"):
        SigmoidRouter(12, 6, 2, groups=4)
    with pytest.raises(ValueError, match="of 3 groups 1 to 3 can be open to a token, not 4"):
        SigmoidRouter(12, 6, 2, groups=3, open_groups=4)
    with pytest.raises(ValueError, match="from 1 to the 2 experts that a token can choose from, not 3"):
        SigmoidRouter(12, 6, 3, groups=3, open_groups=1)


def test_experts_must_be_as_many_as_the_router_knows():
    with pytest.raises(ValueError, match="chooses among 4 experts and 3 are given"):
        MixtureOfExperts(SoftmaxRouter(12, 4, 2), [SwiGLU(12, 20) for _ in range(3)])
    with pytest.raises(ValueError, match="capacity_factor is a positive number, 1 for a fair share, not 0"):
        mixture(capacity_factor=0)


def test_it_runs_in_bfloat16_autocast(x):
    model = mixture(shared=SwiGLU(12, 8))
    initialise(model)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(x)
    output.float().sum().backward()
    assert torch.allclose(output.float(), model(x), atol=0.1)
