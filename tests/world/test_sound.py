import math

import pytest
import torch
from hypothesis import given
from world_strategies import sampled, some_examples

from utils.world import MOTIONS, SHAPES, SIZES, Scene, Scenes, Thing, sample_scenes
from utils.world.scenes import FARTHEST, NEAREST
from utils.world.sound import PITCH, SAMPLES, SOUND_SECONDS, TIMBRE, render_sounds, shift_sounds
from utils.world.speech import SAMPLE_RATE
from utils.world.videos import FRAMES, pose

FRAME = SAMPLES // FRAMES


def scene(shape="star", size="large", x=16, **more) -> Scenes:
    return Scenes.of([Scene((Thing(shape, "red", size, x, 16, **more),))])


def spectrum(sound: torch.Tensor) -> torch.Tensor:
    """The loudness of each frequency, from 0 Hz in steps of 1 / seconds."""
    return torch.fft.rfft(sound).abs() * 2 / sound.shape[-1]


def at(sound: torch.Tensor, hertz: float) -> float:
    seconds = sound.shape[-1] / SAMPLE_RATE
    return spectrum(sound)[..., round(hertz * seconds)].item()


def loudness_by_frame(sound: torch.Tensor) -> torch.Tensor:
    return sound.unflatten(-1, (FRAMES, FRAME))[..., 50:].square().mean(-1).sqrt()


@some_examples
@given(sampled())
def test_every_scene_has_a_stereo_sound_within_full_scale(scenes):
    sounds = render_sounds(scenes)
    assert sounds.shape == (len(scenes), 2, SAMPLES)
    assert sounds.dtype == torch.float32
    assert (sounds.abs().amax(-1) > 0).any(1).all()
    assert sounds.abs().max() <= 1


def test_a_seed_gives_the_same_sounds_and_another_seed_other_phases_of_the_same_tones():
    scenes = sample_scenes(8, seed=0)
    first, again, other = (render_sounds(scenes, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-2)


def test_a_sound_does_not_depend_on_the_scenes_around_it_nor_on_how_many_are_made_at_once():
    scenes = sample_scenes(600, seed=0)
    sounds = render_sounds(scenes)
    torch.testing.assert_close(sounds[:7], render_sounds(scenes[:7]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES)
def test_shape_is_the_timbre_and_size_the_pitch(shape, size):
    sound = render_sounds(scene(shape, size))[0, 0]
    heard = torch.tensor([at(sound, PITCH[size] * (k + 1)) for k in range(5)])
    expected = torch.nn.functional.pad(torch.tensor(TIMBRE[shape]), (0, 5 - len(TIMBRE[shape])))
    torch.testing.assert_close(heard / heard.norm(), expected / expected.norm(), atol=0.01, rtol=0)


def test_no_two_shapes_sound_alike():
    sounds = torch.stack([spectrum(render_sounds(scene(shape))[0, 0]) for shape in SHAPES])
    similarity = torch.nn.functional.normalize(sounds, dim=1)
    assert (similarity @ similarity.T - torch.eye(len(SHAPES))).max() < 0.9


def test_left_is_heard_left_and_right_right_and_both_are_equally_loud():
    left, middle, right = (render_sounds(scene(x=x))[0].square().mean(1) for x in (2, 16, 29))
    assert left[0] > 20 * left[1]
    assert right[1] > 20 * right[0]
    assert 0.8 < middle[0] / middle[1] < 1.25
    torch.testing.assert_close(left.sum(), right.sum(), rtol=1e-2, atol=0)
    torch.testing.assert_close(left.sum(), middle.sum(), rtol=1e-2, atol=0)


def test_three_times_as_far_is_a_third_as_loud():
    near, far = (render_sounds(scene(depth=depth)) for depth in (NEAREST, FARTHEST))
    torch.testing.assert_close(near, far * FARTHEST / NEAREST)


def test_colour_and_height_are_not_heard():
    one = Scenes.of([Scene((Thing("ring", "red", "small", 9, 5),))])
    other = Scenes.of([Scene((Thing("ring", "black", "small", 9, 25),))])
    assert torch.equal(render_sounds(one), render_sounds(other))


def test_a_silent_object_adds_nothing():
    a, b = Thing("star", "red", "large", 8, 8), Thing("ring", "blue", "small", 24, 24, sound="silent")
    assert render_sounds(Scenes.of([Scene((b,))])).abs().max() == 0
    both, alone = (render_sounds(Scenes.of([Scene(things)])) for things in ((a, b), (a,)))
    assert torch.allclose(loudness_by_frame(both), loudness_by_frame(alone), rtol=0.02)


def test_two_objects_are_heard_together():
    a, b = Thing("circle", "red", "large", 8, 8), Thing("circle", "blue", "small", 24, 24)
    sound = render_sounds(Scenes.of([Scene((a, b))]))[0]
    for size in SIZES:
        assert at(sound.sum(0), PITCH[size]) > 0.02


# --- with the video


def moving(motion: str, shape: str = "circle", seed: int = 0):
    scenes = scene(shape, motion=motion)
    poses = pose(scenes, FRAMES, seed=seed)
    return poses, render_sounds(scenes, poses, seed=seed)[0]


@pytest.mark.parametrize(("motion", "sign"), [("moves left", -1), ("moves right", 1)])
def test_what_moves_is_heard_to_move(motion, sign):
    _, sound = moving(motion)
    left, right = loudness_by_frame(sound)
    assert ((right / left).log().diff() * sign > 0).all()


@pytest.mark.parametrize(("motion", "sign"), [("grows", 1), ("shrinks", -1)])
def test_what_grows_hums_lower_and_louder(motion, sign):
    _, sound = moving(motion)
    assert (loudness_by_frame(sound)[0].diff() * sign > 0).all()
    crossings = (sound[0].unflatten(-1, (FRAMES, FRAME)).sign().diff(dim=-1) != 0).sum(1)
    assert (crossings[-1] - crossings[0]) * sign < 0


@pytest.mark.parametrize("seed", range(4))
def test_what_blinks_is_silent_just_when_it_cannot_be_seen(seed):
    poses, sound = moving("blinks", seed=seed)
    seen = poses.width[0, 0] > 0
    assert 0 < seen.sum() < FRAMES
    assert torch.equal(loudness_by_frame(sound)[0] > 1e-4, seen)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_tone_never_clicks(motion):
    """A jump from sample to sample would be heard as a click; a tone alone has none steeper than its own slope."""
    for seed in range(4):
        _, sound = moving(motion, seed=seed)
        assert sound.diff(dim=-1).abs().max() < 0.08 * 2 * math.pi * 1200 / SAMPLE_RATE


def test_sound_of_poses_at_rest_is_that_of_the_picture():
    scenes = sample_scenes(20, seed=0, objects=(1, 2))
    poses = pose(scenes, FRAMES)
    poses.x[:] = scenes.x.unsqueeze(2)
    torch.testing.assert_close(render_sounds(scenes, poses), render_sounds(scenes), atol=1e-3, rtol=0)


@pytest.mark.parametrize("frames", [4, 7, 8, 30])
def test_any_number_of_frames_fills_the_same_time(frames):
    scenes = sample_scenes(5, seed=0, motions=MOTIONS)
    assert render_sounds(scenes, pose(scenes, frames)).shape == (5, 2, SAMPLES)
    assert SAMPLES == SOUND_SECONDS * SAMPLE_RATE


def test_poses_of_other_scenes_are_refused():
    scenes = sample_scenes(5, seed=0)
    with pytest.raises(ValueError, match=r"poses are of \[4, 2\] scenes and slots, not of these, \[5, 2\]"):
        render_sounds(scenes, pose(scenes[:4], FRAMES))


def test_a_shifted_sound_is_late_by_so_many_frames_and_loses_nothing():
    _, sound = moving("blinks")
    late = shift_sounds(sound, 3, of=FRAMES)
    assert torch.equal(late[:, 3 * FRAME :], sound[:, : -3 * FRAME])
    assert torch.equal(late.sort().values, sound.sort().values)
    assert torch.equal(shift_sounds(late, -3, of=FRAMES), sound)
    with pytest.raises(ValueError, match="at least one frame, not 0"):
        shift_sounds(sound, 1, of=0)
