"""The sweep by number of labels: what each method trains, what the stored figures hold."""

from __future__ import annotations

import torch

from utils.evaluation.label_sweep import (
    LABELS,
    METHODS,
    SEEDS,
    TASKS,
    accuracy_after,
    begin,
    far_task,
    near_task,
    stored_longer,
    stored_sweep,
)
from utils.models.blocks import count_parameters
from utils.training.checkpoints import load_checkpoint
from utils.world.scenes import HELD_OUT_PAIRS, SHAPES


def tower():
    return load_checkpoint("clip_scenes")[0].vision


def test_each_method_begins_where_it_says_and_leaves_the_pretrained_tower_alone():
    pretrained = tower()
    before = {name: tensor.clone() for name, tensor in pretrained.state_dict().items()}
    models = {method: begin(method, pretrained, 6, seed=0) for method in METHODS}
    same = {
        method: all(torch.equal(tensor, before[name]) for name, tensor in model.vision.state_dict().items())
        for method, model in models.items()
    }
    assert same == {"fine-tuned": True, "linear probe": True, "from scratch": False}
    assert count_parameters(models["linear probe"]) == 6 * 97
    assert count_parameters(models["fine-tuned"]) == count_parameters(models["from scratch"]) > 400_000
    accuracy_after(near_task(), pretrained, "fine-tuned", labels=10, seed=0, steps=2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in pretrained.state_dict().items())


def test_more_labels_hold_the_fewer_ones():
    task = far_task()
    few, many = task.draw(10, seed=3)[1], task.draw(100, seed=3)[1]
    assert torch.equal(many[:10], few)
    assert not torch.equal(task.draw(10, seed=4)[1], few)


def test_the_near_task_is_tested_on_pairs_that_training_never_shows():
    task = near_task()
    assert task.classes == SHAPES
    assert set(task.labels.tolist()) == set(range(6))
    held_out_shapes = {SHAPES.index(shape) for shape, _ in HELD_OUT_PAIRS}
    assert set(task.test_labels.tolist()) == held_out_shapes


def test_the_stored_figures_are_those_of_every_task_method_and_number_of_labels():
    stored = stored_sweep()
    assert list(stored) == list(TASKS) == list(stored_longer())
    for methods in stored.values():
        assert list(methods) == list(METHODS)
        for points in methods.values():
            assert tuple(points) == LABELS
            assert all(point.low <= point.mean <= point.high for point in points.values())
    assert len(SEEDS) >= 5


def test_a_stored_point_comes_out_again():
    """The cheapest of them: a head alone, on a hundred labels. Another machine rounds otherwise."""
    again = accuracy_after(near_task(), tower(), "linear probe", labels=100, seed=0)
    point = stored_sweep()["shapes"]["linear probe"][100]
    assert abs(again - point.mean) < 0.15


def test_pretraining_is_worth_more_near_than_far():
    stored = stored_sweep()
    near, far = (
        stored[task]["fine-tuned"][100].mean - stored[task]["from scratch"][100].mean
        for task in ("shapes", "handwritten digits")
    )
    assert near > 0.2
    assert near > far + 0.1
    assert stored["shapes"]["fine-tuned"][100].low > stored["shapes"]["from scratch"][100].high
