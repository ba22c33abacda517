"""Where a model runs."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from utils.training.device import autocast, choose_device, has_fast_mode, set_seed


@pytest.fixture(autouse=True)
def nothing_wished_for(monkeypatch):
    monkeypatch.delenv("COURSE_DEVICE", raising=False)


@pytest.fixture
def machine(monkeypatch):
    def has(cuda: int = 0, mps: bool = False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize(
    ("parts", "expected"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": 1}, "cuda"), ({"cuda": 2, "mps": True}, "cuda")],
)
def test_the_fastest_device_of_the_machine_is_chosen(machine, parts, expected):
    machine(**parts)
    assert choose_device().type == expected


def test_the_environment_may_choose(machine, monkeypatch):
    machine(cuda=1)
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")
    assert choose_device("cuda") == torch.device("cuda")


def test_an_empty_wish_is_none(machine, monkeypatch):
    machine()
    monkeypatch.setenv("COURSE_DEVICE", "")
    assert choose_device() == torch.device("cpu")
    assert choose_device("") == torch.device("cpu")


@pytest.mark.parametrize("wanted", ["cuda", "mps", "cuda:0", "gpu", "tpu:3", "cpu:nonsense", "cpu:4"])
def test_a_device_that_is_not_there_is_refused_by_name_with_those_that_are(machine, wanted):
    machine()
    with pytest.raises(ValueError, match=rf"device '{wanted}' is not to be had on this machine; it has cpu$"):
        choose_device(wanted)


def test_a_gpu_beyond_those_there_are_is_refused(machine):
    machine(cuda=2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match=r"'cuda:2' is not to be had on this machine; it has cpu, cuda"):
        choose_device("cuda:2")


def test_a_device_in_the_environment_that_is_not_there_is_refused(machine, monkeypatch):
    machine()
    monkeypatch.setenv("COURSE_DEVICE", "cuda")
    with pytest.raises(ValueError, match="device 'cuda'"):
        choose_device()


def test_the_fast_mode_of_a_cpu_is_that_of_its_matrix_units():
    assert has_fast_mode("cpu") is torch.cpu._is_amx_tile_supported()
    assert has_fast_mode(torch.device("mps")) is False


@pytest.mark.parametrize(("fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_autocast_is_bfloat16_only_where_fast(fast, dtype):
    with autocast(torch.device("cpu"), fast):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_a_seed_fixes_all_three_random_generators():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    set_seed(3)
    first = draw()
    set_seed(3)
    assert draw() == first
    set_seed(4)
    assert all(now != then for now, then in zip(draw(), first, strict=True))
