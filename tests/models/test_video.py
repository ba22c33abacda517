"""The video Transformer: shapes, errors, what it may and may not depend on, and what time is for."""

from __future__ import annotations

import pytest
import torch

from utils.models.blocks import count_parameters
from utils.models.video import VideoClassifier, VideoClassifierConfig, VideoConfig, VideoTransformer
from utils.models.vit import ViTConfig, to_pixels
from utils.training.loop import overfit
from utils.world import sample_scenes
from utils.world.videos import render_videos

SMALL = VideoConfig(ViTConfig(width=32, depth=2, heads=2, hidden=64), frames=6)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return VideoTransformer(SMALL).eval()


@pytest.fixture
def videos():
    return torch.randint(0, 256, (4, 6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_a_video_becomes_one_vector_and_one_for_each_patch_at_each_time(model, videos):
    assert model(videos).shape == (4, 1 + 3 * 16, 32)


def test_bytes_and_the_same_video_as_floats_give_the_same(model, videos):
    assert torch.equal(model(videos), model(to_pixels(videos)))


def test_a_video_does_not_depend_on_the_rest_of_the_batch(model, videos):
    torch.testing.assert_close(model(videos[2:3]), model(videos)[2:3])


def test_every_patch_of_every_frame_changes_the_class_token(model, videos):
    base = model(videos[:1])[:, 0]
    for frame in range(6):
        for row, column in ((0, 0), (1, 2), (3, 3)):
            changed = videos[:1].clone()
            changed[:, frame, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] ^= 255
            assert not torch.allclose(model(changed)[:, 0], base, atol=1e-6), f"patch {row}, {column} of frame {frame}"


def test_the_order_of_the_frames_matters(model, videos):
    assert not torch.allclose(model(videos.flip(1))[:, 0], model(videos)[:, 0], atol=1e-4)


def test_a_patch_looks_along_time_at_its_own_place_and_across_space_at_its_own_frame(videos):
    """A change in one patch, with one of the two attentions silenced."""
    torch.manual_seed(0)
    model = VideoTransformer(VideoConfig(ViTConfig(width=32, depth=1, heads=2, hidden=64), frames=6)).eval()
    block = model.blocks[0]
    patches, class_token = torch.randn(1, 6, 16, 32), torch.randn(1, 1, 32)
    changed = patches.clone()
    changed[:, 2, 5] = torch.randn(32)

    def moved_by(attention):
        kept = attention.output.weight.clone()
        with torch.no_grad():
            attention.output.weight.zero_()
            difference = (block(class_token, changed)[1] - block(class_token, patches)[1]).abs().amax((0, 3)) > 1e-6
            attention.output.weight.copy_(kept)
        return difference

    without_space = moved_by(block.space)
    assert without_space[:, 5].all()
    assert without_space.sum() == 6
    without_time = moved_by(block.time)
    assert without_time[2].all()
    assert without_time.sum() == 16


@pytest.mark.parametrize("size", [(2, 6, 3, 32, 40), (2, 5, 3, 32, 32), (2, 3, 32, 32), (6, 3, 32, 32)])
def test_a_video_of_the_wrong_shape_is_refused_with_both_shapes(model, size):
    with pytest.raises(ValueError, match=r"takes videos of shape \[batch, 6, 3, 32, 32\], not ") as error:
        model(torch.zeros(size))
    assert str(list(size)) in str(error.value)


def test_frames_that_make_no_whole_tubelets_are_refused():
    with pytest.raises(ValueError, match="frames 7 must be a multiple of tubelet 2"):
        VideoConfig(frames=7)


def test_clips_way_of_reading_a_frame_is_refused():
    with pytest.raises(ValueError, match="leave out clip_style"):
        VideoConfig(ViTConfig(clip_style=True))


def test_the_number_of_parameters_is_the_one_worked_out_by_hand(model):
    width, hidden = 32, 64
    attention = 4 * (width * width + width)
    block = 2 * attention + (width * width + width) + 3 * 2 * width + 2 * width * hidden + hidden + width
    embedding = 2 * 3 * 64 * width + width + width + 17 * width + 3 * width
    assert count_parameters(model) == embedding + 2 * block + 2 * width


def test_it_learns_to_tell_a_video_from_the_same_one_played_backwards():
    """Nobody can who looks at one frame alone, or at all of them in no order."""

    class Head(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.video = VideoTransformer(VideoConfig(ViTConfig(width=32, depth=2, heads=2, hidden=64), frames=4))
            self.head = torch.nn.Linear(32, 2)

        def forward(self, videos):
            return self.head(self.video(videos)[:, 0])

    scenes = sample_scenes(6, seed=0, objects=(1, 1), motions=("moves left", "grows", "moves up"))
    forth = render_videos(scenes, frames=4)
    videos = torch.cat([forth, forth.flip(1)])
    history = overfit(
        Head(),
        (videos, torch.arange(2).repeat_interleave(6)),
        lambda model, videos, backwards: torch.nn.functional.cross_entropy(model(videos), backwards),
        steps=100,
    )
    assert history.losses[-1] < 0.3


def test_a_classifier_gives_a_score_to_each_class_from_the_class_token(videos):
    model = VideoClassifier(VideoClassifierConfig(SMALL, ("left", "right", "still"))).eval()
    assert model(videos).shape == (4, 3)
    torch.testing.assert_close(model(videos), model.head(model.encoder(videos)[:, 0]))
