"""Videos: each action is what its word says, nothing leaves its place, and no frame alone tells the action."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from world_strategies import some_examples

from utils.world import (
    BACKGROUND,
    CONTEXT_LENGTH,
    PICTURE_SIZE,
    VOCABULARY,
    Scene,
    Scenes,
    Thing,
    render_pictures,
    sample_scenes,
    tokenize,
)
from utils.world.scenes import MOTIONS, PIXELS, SHAPES, SIZES
from utils.world.videos import (
    FRAMES,
    LEAST_FRAMES,
    MAX_FRAMES,
    Poses,
    describe_action,
    film,
    load_video,
    pose,
    render_action_captions,
    render_videos,
)

GROUND = torch.tensor(BACKGROUND, dtype=torch.uint8)


@st.composite
def moving(draw, most=4, number=6):
    """Scenes of every action, on either grid."""
    return sample_scenes(
        number,
        seed=draw(st.integers(0, 2**32)),
        objects=(1, draw(st.integers(1, most))),
        pairs=draw(st.sampled_from(("seen", "held_out", "all"))),
        grid=draw(st.sampled_from((2, 3))),
        motions=MOTIONS,
    )


def alone(motion, number=200, **options):
    """Scenes of one object with one motion, and its poses: [scenes, frames]."""
    scenes = sample_scenes(number, seed=1, objects=(1, 1), motions=(motion,), **options)
    poses = pose(scenes, seed=2)
    return scenes, *(getattr(poses, name)[:, 0] for name in ("x", "y", "width", "height"))


def painted(pictures):
    """Where pixels differ from the ground by more than the tip of a star that reaches beyond its size."""
    return ((pictures.int() - GROUND.view(3, 1, 1).int()).abs() > 8).any(-3)


# ---- what happens


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [("moves left", "x", -1), ("moves right", "x", 1), ("moves up", "y", -1), ("moves down", "y", 1)],
)
def test_a_mover_goes_straight_on_by_pixels_that_one_can_see(motion, axis, sign):
    _, x, y, width, height = alone(motion)
    along, across = (x, y) if axis == "x" else (y, x)
    steps = along.diff(dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps))
    assert ((sign * (along[:, -1] - along[:, 0])) > 3.5).all()
    assert torch.equal(across, across[:, :1].expand_as(across))
    assert (width == 1).all()
    assert (height == 1).all()


def test_what_grows_gets_larger_in_every_frame_and_what_shrinks_smaller_and_neither_is_larger_than_itself():
    for motion, sign in (("grows", 1), ("shrinks", -1)):
        _, x, y, width, height = alone(motion)
        assert (sign * width.diff(dim=1) > 0).all()
        assert torch.equal(width, height)
        assert width.max() <= 1 + 1e-6
        assert width.min() >= 0.5 - 1e-6
        assert torch.equal(x, x[:, :1].expand_as(x))
        assert torch.equal(y, y[:, :1].expand_as(y))


def test_what_spins_is_now_wide_and_now_thin_and_keeps_its_height():
    _, _, _, width, height = alone("spins")
    assert (height == 1).all()
    assert (width.amax(1) > 0.85).all()
    assert (width.amin(1) < 0.5).all()


def test_what_bounces_turns_round_in_the_air_and_on_the_ground_without_going_aside():
    _, x, y, _, _ = alone("bounces")
    steps = y.diff(dim=1)
    turns = (steps[:, 1:].sign() != steps[:, :-1].sign()).sum(1)
    assert (turns >= 2).all()
    assert ((y.amax(1) - y.amin(1)) > 2).all()
    assert torch.equal(x, x[:, :1].expand_as(x))


def test_what_blinks_is_half_of_the_time_not_there():
    scenes, _, _, width, _ = alone("blinks")
    assert torch.equal((width > 0).sum(1), torch.full((len(scenes),), FRAMES // 2))
    seen = painted(render_videos(scenes, seed=2)).flatten(2).any(2)
    assert torch.equal(seen, width > 0)


def test_what_is_still_looks_the_same_in_every_frame():
    videos = render_videos(sample_scenes(20, seed=1, objects=(1, 2)))
    assert torch.equal(videos, videos[:, :1].expand_as(videos))


@pytest.mark.parametrize("motion", MOTIONS[1:])
def test_every_other_action_changes_the_picture_of_every_shape_from_frame_to_frame(motion):
    scenes = sample_scenes(100, seed=3, objects=(1, 1), motions=(motion,), pairs="all")
    videos = render_videos(scenes).flatten(2).int()
    assert (videos.diff(dim=1).abs().amax((1, 2)) > 10).all()


# ---- where it happens


@some_examples
@given(moving(), st.integers(0, 2**32), st.sampled_from((4, 8, 11)))
def test_an_object_stays_in_its_cell_and_wholly_in_the_picture(scenes, seed, frames):
    poses = pose(scenes, frames, seed=seed)
    for row, scene in enumerate(scenes):
        for slot, thing in enumerate(scene.things):
            half = dict(zip(SIZES, PIXELS[scene.grid], strict=True))[thing.size] // 2
            for x, y in zip(poses.x[row, slot].tolist(), poses.y[row, slot].tolist(), strict=True):
                at = Thing(thing.shape, thing.colour, thing.size, int(x + 1e-4), int(y + 1e-4))
                assert scene.cell(at) == scene.cell(thing)
                assert half - 1e-4 <= min(x, y) <= max(x, y) <= PICTURE_SIZE - 1 - half + 1e-4


@some_examples
@given(moving(most=1))
def test_nothing_is_cut_off_at_the_edge_of_the_picture(scenes):
    """Painted alone in a larger world an object would have just as many pixels: none touches what lies outside."""
    poses = pose(scenes)
    covered = painted(film(scenes, poses))
    half = torch.tensor(PIXELS[scenes.grid])[scenes.size].unsqueeze(2) / 2
    for axis, middle, stretch in ((2, poses.y, poses.height), (3, poses.x, poses.width)):
        lines = covered.any(5 - axis).unsqueeze(1)
        pixel = torch.arange(PICTURE_SIZE).view(1, 1, 1, -1)
        reach = (half * stretch).unsqueeze(3) + 0.5
        outside = (pixel - middle.unsqueeze(3)).abs() > reach + 0.1
        assert not (lines & outside).any()


def test_objects_in_one_scene_never_cover_one_another():
    scenes = sample_scenes(100, seed=5, objects=(4, 4), motions=MOTIONS)
    poses = pose(scenes)
    parts = []
    for slot in range(4):
        single = Scenes(*(getattr(scenes, name)[:, slot : slot + 1] for name in ("shape", "colour", "size", "x", "y")))
        at = Poses(*(getattr(poses, name)[:, slot : slot + 1] for name in ("x", "y", "width", "height")))
        parts.append(painted(film(single, at)))
    assert torch.stack(parts).sum(0).max() == 1


def test_a_thing_that_stands_over_the_edge_comes_into_the_picture():
    scenes = Scenes.of([Scene((Thing("square", "red", "large", 0, 31, motion="moves left"),))])
    poses = pose(scenes)
    assert poses.x.min() >= 6
    assert poses.y.max() <= 25


# ---- no single frame tells


def best_guess(*features, labels, bins=12):
    """The share of right answers of whoever knows which action is most frequent in each bin of the features."""
    codes = torch.zeros(len(labels), dtype=torch.long)
    for feature in features:
        low, high = feature.min(), feature.max()
        codes = codes * bins + ((feature - low) / (high - low + 1e-9) * bins).long().clamp(max=bins - 1)
    counts = torch.zeros(int(codes.max()) + 1, len(MOTIONS))
    counts.index_put_((codes, labels), torch.ones(len(labels)), accumulate=True)
    return (counts.amax(1).sum() / counts.sum()).item()


@pytest.mark.parametrize("frame", [0, FRAMES // 2, FRAMES - 1])
def test_where_an_object_is_in_one_frame_says_little_of_where_it_goes(frame):
    scenes = sample_scenes(60_000, seed=1, objects=(1, 1), motions=MOTIONS[:5])
    poses = pose(scenes, seed=4)
    x, y = (getattr(poses, name)[:, 0, frame] - 16 * (getattr(scenes, name)[:, 0] >= 16) for name in "xy")
    assert best_guess(x, y, labels=scenes.motion[:, 0]) < 0.45  # 0.2 is chance


@pytest.mark.parametrize("frame", [0, FRAMES // 2, FRAMES - 1])
def test_whoever_knows_the_pose_in_one_frame_names_at_most_half_of_the_actions(frame, measured):
    """The most that any single-frame model can reach, and more: it is told the pose and the size outright."""
    scenes = sample_scenes(100_000, seed=1, objects=(1, 1), motions=MOTIONS)
    poses = pose(scenes, seed=4)
    x, y = (getattr(poses, name)[:, 0, frame] - 16 * (getattr(scenes, name)[:, 0] >= 16) for name in "xy")
    width, height = (getattr(poses, name)[:, 0, frame] for name in ("width", "height"))
    share = best_guess(x, y, width, height, labels=scenes.motion[:, 0], bins=6)
    measured(f"videos: the pose in frame {frame} names {share:.2f} of the actions")
    assert share < 0.5


# ---- pictures, seeds, captions


@pytest.mark.parametrize("options", [{}, {"grid": 3, "objects": (1, 4), "pairs": "all"}])
def test_an_object_at_rest_on_whole_pixels_looks_as_in_the_picture(options):
    scenes = sample_scenes(100, seed=3, **options)
    ones = torch.ones(*scenes.shape.shape, 2)
    at_rest = Poses(scenes.x.unsqueeze(2) * ones, scenes.y.unsqueeze(2) * ones, ones, ones)
    expected = render_pictures(scenes).unsqueeze(1).expand(-1, 2, -1, -1, -1)
    assert torch.equal(film(scenes, at_rest), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_anywhere_between_the_pixels_an_object_has_the_same_ink_and_its_middle_moves_as_it_does(shape):
    scenes = Scenes.of([Scene((Thing(shape, "black", "large", 16, 16),))])
    x = torch.linspace(14, 18, 21).view(1, 1, -1)
    one = torch.ones_like(x)
    ink = (BACKGROUND[0] - film(scenes, Poses(x, 16 * one, one, one))[0, :, 0].float()).sum(1)  # summed over rows
    middle = (ink * torch.arange(PICTURE_SIZE)).sum(1) / ink.sum(1)
    torch.testing.assert_close(middle, x.flatten(), rtol=0, atol=0.03)
    torch.testing.assert_close(ink.sum(1), ink[0].sum().expand(21), rtol=0.005, atol=0)


def test_half_the_size_has_a_quarter_of_the_ink():
    scenes = Scenes.of([Scene((Thing("circle", "black", "large", 16, 16),))])
    scale = torch.tensor([1.0, 0.5]).view(1, 1, 2)
    whole, half = (BACKGROUND[0] - film(scenes, Poses(0 * scale + 16, 0 * scale + 16, scale, scale))[0, :, 0]).sum(
        (1, 2)
    )
    assert half / whole == pytest.approx(0.25, abs=0.005)


@some_examples
@given(moving(), st.integers(0, 2**32))
def test_videos_are_bytes_and_the_same_seed_gives_the_same_ones(scenes, seed):
    videos = render_videos(scenes, 5, seed=seed)
    assert videos.dtype == torch.uint8
    assert videos.shape == (len(scenes), 5, 3, PICTURE_SIZE, PICTURE_SIZE)
    assert torch.equal(videos, render_videos(scenes, 5, seed=seed))


def test_another_seed_begins_elsewhere():
    scenes = sample_scenes(50, seed=1, objects=(1, 1), motions=MOTIONS)
    differs = (render_videos(scenes, seed=0) != render_videos(scenes, seed=1)).flatten(1).any(1)
    assert differs.float().mean() > 0.9


def test_no_scenes_give_no_videos_an_empty_scene_bare_ground_and_many_are_rendered_in_parts():
    assert render_videos(sample_scenes(1, seed=0)[:0]).shape == (0, FRAMES, 3, PICTURE_SIZE, PICTURE_SIZE)
    assert not painted(render_videos(Scenes.of([Scene(())]))).any()
    scenes = sample_scenes(1100, seed=1, objects=(1, 1), motions=MOTIONS)
    assert torch.equal(render_videos(scenes, 4)[1050:], film(scenes, pose(scenes, 4))[1050:])


def test_too_few_frames_to_show_what_happens_are_refused():
    with pytest.raises(ValueError, match=rf"at least {LEAST_FRAMES} frames to show what happens, not 1"):
        render_videos(sample_scenes(1, seed=0), 1)


def test_captions_of_actions_as_written_out_by_hand():
    circle = Thing.at("circle", "red", "large", "top left", motion="moves left")
    square = Thing.at("square", "blue", "small", "top right")
    assert describe_action(Scene((circle,))) == "a large red circle moves left"
    assert describe_action(Scene((circle, square))) == "a large red circle moves left and a small blue square is still"
    assert describe_action(Scene(())) == "nothing"


def test_captions_of_every_action_are_tokens_of_the_course_and_fit_the_context():
    captions = render_action_captions(sample_scenes(500, seed=0, objects=(1, 2), motions=MOTIONS))
    assert tokenize(captions, vocabulary=len(VOCABULARY)).shape == (500, CONTEXT_LENGTH)


# ---- a learner's own


def animation(number, size=(40, 30), kind="GIF", **options):
    """A moving picture as bytes: frame i is grey i * step."""
    step = 255 // max(1, number - 1)
    pictures = [Image.new("RGB", size, (i * step,) * 3) for i in range(number)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_a_moving_picture_is_read_frame_by_frame(kind, options):
    video = load_video(animation(8, kind=kind, **options))
    assert video.dtype == torch.uint8
    assert video.shape == (8, 3, PICTURE_SIZE, PICTURE_SIZE)
    greys = video.float().mean((1, 2, 3))
    torch.testing.assert_close(greys, torch.arange(8) * 36.0, rtol=0, atol=1.5)


def test_of_a_long_video_frames_are_left_out_evenly_and_of_a_short_one_some_come_twice():
    long = load_video(animation(40)).float().mean((1, 2, 3))
    assert long[0] < 1
    assert long[-1] > 230
    assert (long.diff() > 20).all()
    short = load_video(animation(3), frames=6).float().mean((1, 2, 3))
    assert len(short.round().unique()) == 3


def test_a_video_is_read_from_a_path_and_what_is_see_through_lies_on_white(tmp_path):
    pictures = [Image.new("RGBA", (20, 20), (0, 0, 0, 0)), Image.new("RGBA", (20, 20), (0, 0, 0, 255))]
    path = tmp_path / "mine.png"
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    video = load_video(path, frames=2)
    assert video[0].min() == 255
    assert video[1].max() == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"is empty \(0 bytes\): choose the file again"),
        (b"RIFF....AVI LIST", r"not a moving picture in GIF, PNG, WEBP: export the video as an animated GIF"),
        (b"\0\0\0\x18ftypmp42" + bytes(100), r"not a moving picture in GIF, PNG, WEBP"),
        (b"GIF89a", r"the upload is"),
        (animation(1), r"has one frame, so nothing moves in it: it is a picture, and load_picture reads it"),
    ],
    ids=["empty", "avi", "mp4", "header-only", "one-frame"],
)
def test_what_is_no_video_is_refused_with_what_to_do(data, message):
    with pytest.raises(ValueError, match=message):
        load_video(data)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_video_cut_short_is_either_read_as_far_as_it_goes_or_refused_in_words(kind, share):
    noise = np.random.default_rng(0)
    pictures = [Image.fromarray(noise.integers(0, 255, (32, 32, 3), dtype=np.uint8)) for _ in range(6)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:])
    data = buffer.getvalue()
    outcome = shape_or_reason(data[: int(share * len(data))])
    assert outcome == (FRAMES, 3, PICTURE_SIZE, PICTURE_SIZE) or "the upload" in outcome


def shape_or_reason(data):
    try:
        return tuple(load_video(data).shape)
    except ValueError as error:
        return str(error)


def test_too_many_frames_or_pixels_are_refused_before_they_are_decoded(monkeypatch):
    pictures = [Image.new("L", (2, 2), i % 256) for i in range(MAX_FRAMES + 1)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:])
    with pytest.raises(ValueError, match=rf"has {MAX_FRAMES + 1} frames of 2 x 2 pixels, and at most {MAX_FRAMES}"):
        load_video(buffer.getvalue())
    monkeypatch.setattr("utils.world.videos.MAX_PIXELS", 1000)
    with pytest.raises(ValueError, match="cut it, or save it smaller, and try again"):
        load_video(animation(4))


def test_a_path_that_leads_nowhere_and_no_frames_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_video(tmp_path / "none.gif")
    with pytest.raises(ValueError, match="at least one frame, not 0"):
        load_video(animation(4), frames=0)
