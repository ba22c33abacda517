"""How the encoders of sound, video and space are measured: what is taken from the input, and what is left of it."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.held_out.point_shapes import coordinates_out_of_order, points_out_of_order
from utils.evaluation.held_out.video_actions import frames_out_of_order, seen_backwards
from utils.models.blocks import count_parameters
from utils.training.recipes import find_recipe
from utils.training.recipes.video_actions import action_scenes, one_frame_repeated
from utils.world import MOTIONS, render_points, render_videos, sample_scenes


@pytest.fixture(scope="module")
def videos():
    return render_videos(action_scenes(20, seed=0), seed=0)


@pytest.fixture(scope="module")
def clouds():
    return render_points(sample_scenes(10, seed=0, objects=(1, 1)), 64, colour=True)


def test_frames_out_of_order_are_the_same_frames_of_each_video_in_another_order(videos):
    mixed = frames_out_of_order(videos)
    assert not torch.equal(mixed, videos)
    for video, other in zip(videos, mixed, strict=True):
        assert sorted(map(bytes, video.flatten(1).numpy())) == sorted(map(bytes, other.flatten(1).numpy()))


def test_one_frame_repeated_is_that_frame_eight_times(videos):
    still = one_frame_repeated(videos, 3)
    assert still.shape == videos.shape
    assert (still == videos[:, 3:4]).all()
    each = one_frame_repeated(videos, torch.arange(20) % 8)
    assert (each[5] == videos[5, 5]).all()


def test_played_backwards_left_is_right_and_a_bounce_a_bounce():
    actions = torch.tensor([MOTIONS.index(name) for name in ("moves left", "shrinks", "bounces", "still")])
    assert [MOTIONS[i] for i in seen_backwards(actions)] == ["moves right", "grows", "bounces", "still"]
    everything = torch.arange(len(MOTIONS))
    assert torch.equal(seen_backwards(seen_backwards(everything)), everything)


def test_every_action_occurs_and_none_of_the_held_out_pairs_in_training():
    scenes = action_scenes(2000, seed=1)
    assert scenes.motion.unique().tolist() == list(range(len(MOTIONS)))
    assert set(scenes.count.tolist()) == {1}


def test_points_out_of_order_are_the_same_points(clouds):
    mixed = points_out_of_order(clouds)
    assert not torch.equal(mixed, clouds)
    for cloud, other in zip(clouds, mixed, strict=True):
        assert sorted(map(tuple, cloud.tolist())) == sorted(map(tuple, other.tolist()))


def test_coordinates_out_of_order_keep_each_coordinates_values_and_no_point(clouds):
    mixed = coordinates_out_of_order(clouds)
    assert torch.equal(mixed[..., 3:], clouds[..., 3:])
    assert torch.equal(mixed[..., :3].sort(1).values, clouds[..., :3].sort(1).values)
    assert set(map(tuple, mixed[0, :, :3].tolist())).isdisjoint(map(tuple, clouds[0, :, :3].tolist()))


@pytest.mark.parametrize("name", ["spoken_words", "video_actions", "frame_actions", "point_shapes"])
def test_a_configuration_comes_back_from_plain_data(name):
    import dataclasses
    import json

    recipe = find_recipe(name)
    fields = json.loads(json.dumps(dataclasses.asdict(recipe.config)))
    model = recipe.build(fields)
    assert model.config == recipe.config
    assert count_parameters(model) < 1_000_000
