"""A CNN beside a ViT: the stored comparison, how it is made, and what a place of each sees."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation import encoder_comparison
from utils.evaluation.encoder_comparison import (
    CNN_CONFIG,
    ENCODERS,
    LEARNING_RATES,
    SEEDS,
    SIZES,
    VIT_CONFIG,
    WORLDS,
    ShapeNamer,
    load_comparison,
    names_rightly,
    scattered_scenes,
    train_on,
)
from utils.evaluation.field_of_view import fields_of_view
from utils.models.blocks import count_parameters
from utils.models.cnn import CNN
from utils.models.vit import ViT
from utils.world import BACKGROUND, SHAPES, render_pictures


def test_scattered_things_stand_everywhere_and_wholly_in_the_picture():
    scenes = scattered_scenes(500, seed=0)
    assert scenes.x.min() <= 6
    assert scenes.x.max() >= 25
    assert scenes.x.unique().numel() > 20
    pictures = render_pictures(scenes)
    ground = torch.tensor(BACKGROUND, dtype=torch.uint8)[None, :, None]
    sides = torch.tensor((9, 13))[scenes.size[:, 0]]
    covered = (pictures != ground[..., None]).any(1)
    for axis in (1, 2):  # nothing is cut off: a thing covers as many rows, and columns, as it is large
        assert ((covered.any(axis).sum(1) - sides).abs() <= 1).all()
    assert torch.equal(scattered_scenes(5, seed=1).x, scattered_scenes(5, seed=1).x)


def test_both_encoders_have_about_as_many_parameters_and_name_the_shapes():
    cnn, vit = (ShapeNamer(make()) for make in ENCODERS.values())
    assert count_parameters(cnn) / count_parameters(vit) == pytest.approx(1, abs=0.1)
    pictures = render_pictures(scattered_scenes(3, seed=0))
    assert cnn(pictures).shape == vit(pictures).shape == (3, len(SHAPES))


@pytest.mark.parametrize("encoder", list(ENCODERS))
def test_a_few_steps_teach_it_a_few_pictures_by_heart(encoder):
    scenes = scattered_scenes(24, seed=0)
    model, history = train_on(encoder, scenes, learning_rate=3e-3, seed=0, steps=60)
    assert history.losses[-1] < 0.3
    assert names_rightly(model, scenes).mean() > 0.9


def test_the_stored_comparison_is_of_what_the_module_says():
    points = load_comparison()
    assert [(p.world, p.encoder, p.pictures) for p in points] == [
        (world, encoder, pictures) for world in sorted(WORLDS) for encoder in ("CNN", "ViT") for pictures in SIZES
    ]
    for point in points:
        assert point.learning_rate in LEARNING_RATES
        assert len(point.by_seed) == len(SEEDS)
        assert point.low <= point.mean <= point.high
        assert sum(point.by_seed) / len(SEEDS) == pytest.approx(point.mean, abs=1e-3)


def test_it_is_measured_and_stored_world_by_world(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_comparison, "RESULTS", tmp_path / "comparison.json")
    monkeypatch.setattr(encoder_comparison, "STEPS", {"CNN": 1, "ViT": 1})
    for name, value in (("SIZES", (8, 16)), ("SEEDS", (0, 1)), ("TUNED_ON", 8), ("TESTED_ON", 20)):
        monkeypatch.setattr(encoder_comparison, name, value)
    encoder_comparison.main(["cells"])
    first = load_comparison(tmp_path / "comparison.json")
    assert [point.world for point in first] == ["cells"] * 4
    encoder_comparison.main(["anywhere"])
    both = load_comparison(tmp_path / "comparison.json")
    assert [point.world for point in both] == ["anywhere"] * 4 + ["cells"] * 4
    assert both[4:] == first


def test_a_place_of_the_cnn_sees_as_far_as_its_kernels_and_strides_reach():
    torch.manual_seed(0)
    picture = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    views = fields_of_view(CNN(CNN_CONFIG), picture)
    for layer, side in (("stem", 3), ("block 1", 11), ("block 2", 23)):
        seen = (views[layer][1, 1] > 0).nonzero()
        assert (seen.max(0).values - seen.min(0).values).max() == side - 1, layer
    assert (views["block 3"][1, 1] > 0).float().mean() > 0.9


def test_a_patch_of_the_vit_sees_itself_and_then_everything():
    torch.manual_seed(0)
    picture = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    views = fields_of_view(ViT(VIT_CONFIG), picture)
    own = torch.zeros(32, 32, dtype=torch.bool)
    own[8:16, 16:24] = True
    assert torch.equal(views["patches"][1, 2] > 0, own)
    assert (views["block 1"][1, 2] > 0).float().mean() > 0.99
    assert all(view.amax(dim=(2, 3)).allclose(torch.ones(4, 4)) for view in views.values())
