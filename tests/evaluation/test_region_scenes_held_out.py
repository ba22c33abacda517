"""What linear probes read from a vision tower: pairs of shape and colour that it was never shown."""

from __future__ import annotations

import torch

from utils.evaluation.held_out.region_scenes import measure, picture_features
from utils.models.vit import ViT, ViTConfig
from utils.training.recipes.region_scenes import RECIPE, build
from utils.world import sample_scenes


def test_a_picture_has_one_vector_and_it_comes_before_the_last_block():
    vision = ViT(ViTConfig(width=32, depth=2, heads=2, hidden=64)).eval()
    scenes = sample_scenes(3, seed=0)
    before = picture_features(vision, scenes)
    assert before.shape == (3, 32)
    with torch.no_grad():
        vision.blocks[-1].feed_forward.contract.weight += 1
    assert torch.equal(picture_features(vision, scenes), before)


def test_an_untrained_tower_does_not_pass_for_a_trained_one():
    torch.manual_seed(0)
    figures = measure(ViT(ViTConfig(width=32, depth=2, heads=2, hidden=64)).eval(), number=100)
    assert set(figures) == {"shape, held out", "colour, held out"}
    assert not figures["shape, held out"].met


def test_the_recipe_builds_the_tower_of_clip():
    assert build(vars(RECIPE.config)).config == RECIPE.config
