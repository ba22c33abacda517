"""In a stage just the parts that are named learn, and the fingerprints show it."""

from __future__ import annotations

from itertools import repeat

import pytest
import torch
from torch import nn

from utils.training.stages import fingerprint, train_stage


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.bridge, self.reader = nn.Linear(3, 3), nn.Linear(3, 1)

    def forward(self, x):
        return self.reader(self.bridge(x))


def square_error(model, x):
    return (model(x) - 1).square().mean()


def run(model, parts):
    return train_stage(model, parts, repeat((torch.ones(2, 3),)), square_error, steps=3, learning_rate=1e-2)


@pytest.mark.parametrize("parts", [["bridge"], ["reader"], ["bridge", "reader"]])
def test_the_named_parts_change_and_no_other(parts):
    model = Two()
    before = {name: fingerprint(part) for name, part in model.named_children()}
    run(model, parts)
    changed = {name for name, part in model.named_children() if fingerprint(part) != before[name]}
    assert changed == set(parts)


def test_a_later_stage_wakes_what_was_frozen():
    model = Two()
    run(model, ["bridge"])
    before = fingerprint(model.reader)
    run(model, ["reader"])
    assert fingerprint(model.reader) != before


def test_a_fingerprint_sees_one_bit_and_not_whether_a_weight_may_learn():
    model = Two()
    before = fingerprint(model)
    assert fingerprint(model.requires_grad_(False)) == before
    with torch.no_grad():
        model.reader.bias.copy_(torch.nextafter(model.reader.bias, torch.tensor(9.0)))
    assert fingerprint(model) != before


@pytest.mark.parametrize("parts", [[], ["language"], ["bridge", "tower"]])
def test_a_part_that_is_not_there_is_refused(parts):
    with pytest.raises(ValueError, match="some of bridge, reader, not"):
        run(Two(), parts)
