"""The point encoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from utils.models.point import (
    PointClassifier,
    PointClassifierConfig,
    PointConfig,
    PointEncoder,
    farthest_points,
    gather,
    nearest_points,
)
from utils.training.loop import overfit
from utils.world import render_points, sample_scenes

SMALL = PointConfig(features=3, groups=5, neighbours=7, local_width=12, hidden=16, width=10)


def cloud(number=40, batch=3, size=6, seed=0):
    return torch.randn(batch, number, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_order_of_points_means_nothing():
    model, points = PointEncoder(SMALL).double(), cloud()
    shuffled = points[:, torch.randperm(40, generator=torch.Generator().manual_seed(1))]
    assert model(points).shape == (3, 6, 10)
    torch.testing.assert_close(model(shuffled), model(points))


def test_a_cloud_is_read_the_same_in_any_batch_and_training_or_not():
    model, points = PointEncoder(SMALL).double(), cloud()
    torch.testing.assert_close(model.eval()(points[1:2]), model.train()(points)[1:2])


@pytest.mark.parametrize("number", [1, 4, 6, 500])
def test_any_number_of_points_will_do(number):
    model = PointEncoder(SMALL).double()
    assert model(cloud(number)).isfinite().all()


def test_doubling_every_point_changes_nothing_if_groups_hold_all():
    model = PointEncoder(PointConfig(groups=4, neighbours=1000)).double()
    points = cloud(size=3)
    torch.testing.assert_close(model(points.repeat(1, 2, 1)), model(points))


def test_the_vectors_of_groups_know_the_form_and_where_it_stands_and_the_form_alone_not_where():
    model, points = PointEncoder(SMALL).double(), cloud()
    moved = points + torch.tensor([0.5, 0, 0, 0, 0, 0], dtype=torch.float64)
    said = []
    handle = model.norm_forms.register_forward_hook(lambda _module, _inputs, output: said.append(output))
    assert not torch.allclose(model(points), model(moved))
    handle.remove()
    torch.testing.assert_close(*said)


def test_the_first_vector_is_the_greatest_of_the_groups():
    model = PointEncoder(SMALL).double()
    model.norm_out = torch.nn.Identity()
    tokens = model(cloud())
    assert torch.equal(tokens[:, 0], tokens[:, 1:].amax(1))
    assert torch.equal(model(cloud(), first=1), tokens[:, :1])


def test_farthest_points_are_those_of_the_loop_that_a_human_would_write():
    for points in cloud(size=3):
        chosen = [int((points - points.mean(0)).norm(dim=1).argmax())]
        while len(chosen) < 8:
            chosen.append(max(range(40), key=lambda i: min((points[i] - points[j]).norm() for j in chosen)))
        assert farthest_points(points[None], 8)[0].tolist() == chosen


def test_nearest_points_are_those_of_a_sort():
    points = cloud(size=3)
    centres = points[:, :2] + 0.1
    found = nearest_points(centres, points, 5)
    for b in range(3):
        for c in range(2):
            order = (points[b] - centres[b, c]).norm(dim=1).argsort()[:5]
            assert set(found[b, c].tolist()) == set(order.tolist())
    assert nearest_points(centres, points, 100).shape == (3, 2, 40)


def test_gather_picks_rows_batch_by_batch():
    values = torch.arange(12).view(2, 3, 2)
    assert gather(values, torch.tensor([[2, 0], [1, 1]])).tolist() == [[[4, 5], [0, 1]], [[8, 9], [8, 9]]]


def test_it_learns_a_small_batch_by_heart():
    scenes = sample_scenes(16, seed=0, objects=(1, 1))
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"points": PointEncoder(PointConfig(groups=6)), "head": torch.nn.Linear(96, 6)})

    def loss(model, points, shapes):
        return F.cross_entropy(model["head"](model["points"](points, first=1)[:, 0]), shapes)

    history = overfit(model, (render_points(scenes, 64), scenes.shape[:, 0]), loss, steps=60)
    assert history.losses[-1] < 0.1 < history.losses[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.zeros(1, 5, 3), r"\[batch, points, 6\], at least one, not \[1, 5, 3\]"),
        (torch.zeros(1, 0, 6), r"at least one, not \[1, 0, 6\]"),
        (torch.zeros(5, 6), r"not \[5, 6\]"),
        (torch.full((1, 5, 6), torch.nan), "NaN or infinite: remove them"),
        (torch.full((1, 5, 6), torch.inf), "NaN or infinite"),
    ],
)
def test_what_is_no_cloud_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PointEncoder(SMALL)(wrong)


def test_no_gradient_explodes_where_a_point_is_its_group_s_centre():
    model, points = PointEncoder(PointConfig()), cloud(size=3).float().requires_grad_()
    model(points).square().sum().backward()
    assert max(parameter.grad.abs().max() for parameter in model.parameters()) < 1e3


def test_an_encoder_without_groups_is_refused():
    with pytest.raises(ValueError, match="at least 1, not 0 and 32"):
        PointConfig(groups=0)


def test_a_classifier_gives_a_score_to_each_class_whatever_the_order_of_the_points():
    model, points = PointClassifier(PointClassifierConfig(SMALL, ("cube", "ball"))).double(), cloud()
    assert model(points).shape == (3, 2)
    torch.testing.assert_close(model(points.flip(1)), model(points))
