import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import seeds, some_examples

from utils.world import batches

sizes = st.integers(1, 20)


def rows(number):
    return torch.arange(number), torch.arange(number).view(-1, 1).expand(-1, 3) * 10


@some_examples
@given(sizes, sizes, seeds, st.integers(1, 3))
def test_each_epoch_shows_every_row_once_and_rows_stay_together(number, batch_size, seed, epochs):
    shown = list(batches(*rows(number), batch_size=batch_size, seed=seed, epochs=epochs))
    order = torch.cat([first for first, _ in shown]).view(epochs, number)
    assert torch.equal(order.sort(1).values, torch.arange(number).expand(epochs, -1))
    for first, second in shown:
        assert 1 <= len(first) <= batch_size
        assert torch.equal(second, first.view(-1, 1).expand(-1, 3) * 10)


@some_examples
@given(sizes, sizes, seeds, st.integers(1, 30), st.booleans())
def test_steps_are_counted_over_as_many_epochs_as_it_takes(number, batch_size, seed, steps, drop_last):
    drop_last = drop_last and number >= batch_size
    shown = list(batches(rows(number)[0], batch_size=batch_size, seed=seed, steps=steps, drop_last=drop_last))
    assert len(shown) == steps
    if drop_last:
        assert {len(batch) for (batch,) in shown} == {batch_size}


@some_examples
@given(seeds)
def test_a_seed_gives_the_same_order_again_and_each_epoch_another(seed):
    first, again = (list(batches(rows(50)[0], batch_size=50, seed=seed, epochs=2)) for _ in range(2))
    assert torch.equal(first[0][0], again[0][0])
    assert torch.equal(first[1][0], again[1][0])
    assert not torch.equal(first[0][0], first[1][0])


def test_a_generator_of_ones_own_goes_on_where_it_stands_and_leaves_the_global_one_alone():
    state = torch.random.get_rng_state()
    generator = torch.Generator().manual_seed(3)
    first, second = (next(batches(rows(50)[0], batch_size=50, generator=generator))[0] for _ in range(2))
    assert torch.equal(first, next(batches(rows(50)[0], batch_size=50, seed=3))[0])
    assert not torch.equal(first, second)
    assert torch.equal(state, torch.random.get_rng_state())


def test_without_a_seed_rows_come_in_order():
    shown = [batch.tolist() for (batch,) in batches(torch.arange(5), batch_size=2)]
    assert shown == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for (batch,) in batches(torch.arange(5), batch_size=2, drop_last=True)] == [[0, 1], [2, 3]]


def test_batches_are_moved_to_the_device_asked_for():
    (batch,) = next(batches(torch.arange(4), batch_size=2, device="meta"))
    assert batch.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_shows_the_same_order_as_the_cpu():
    here, there = (list(batches(torch.arange(50, device=device), batch_size=8, seed=0)) for device in ("cpu", "cuda"))
    for (a,), (b,) in zip(here, there, strict=True):
        assert b.is_cuda
        assert torch.equal(a, b.cpu())


@pytest.mark.parametrize(
    ("tensors", "settings", "message"),
    [
        ((), {"batch_size": 2}, "at least one tensor"),
        ((torch.zeros(3), torch.zeros(4)), {"batch_size": 2}, "equally many rows, and have 3, 4"),
        ((torch.zeros(0),), {"batch_size": 2}, "0 rows make no batch"),
        ((torch.zeros(3),), {"batch_size": 4, "drop_last": True}, "3 rows make no batch of 4 with drop_last"),
        ((torch.zeros(3),), {"batch_size": 0}, "batch_size must be at least 1"),
        ((torch.zeros(3),), {"batch_size": 1, "steps": 0}, "steps must be at least 1"),
        ((torch.zeros(3),), {"batch_size": 1, "seed": 0, "generator": torch.Generator()}, "not both"),
    ],
)
def test_settings_that_allow_no_batch_are_refused_at_the_call(tensors, settings, message):
    with pytest.raises(ValueError, match=message):
        batches(*tensors, **settings)
