import io
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from world_strategies import sampled, some_examples

from utils.world import FARTHEST, NEAREST, RGB, Scene, Scenes, Thing, sample_scenes
from utils.world.points import centred, load_points, render_points

SQUARE = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])


@some_examples
@given(sampled())
def test_points_lie_in_the_room_each_on_its_object(scenes):
    clouds = render_points(scenes, 60, colour=True)
    assert clouds.shape == (len(scenes), 60, 6)
    assert clouds[..., :3].abs().max() <= 1
    for cloud, scene in zip(clouds, scenes, strict=True):
        centres = torch.tensor([[t.x + 0.5, t.y + 0.5, t.depth] for t in scene.things]) / 16 - 1
        # each point is within the corner of a cube of half the greatest side
        distance, nearest = torch.cdist(cloud[:, :3], centres).min(1)
        assert distance.max() <= 6.5 / 16 * 1.74
        colours = torch.tensor([RGB[thing.colour] for thing in scene.things]) / 255
        if len(scene.things) == 1:
            assert torch.allclose(cloud[:, 3:], colours[nearest])


def test_objects_share_the_points_and_the_ball_is_round():
    scene = Scene(
        (Thing.at("circle", "red", "large", "top left", depth=10), Thing.at("star", "blue", "small", "bottom right"))
    )
    (cloud,) = render_points(Scenes.of([scene]), 501, colour=True)
    ball = cloud[cloud[:, 3] > 0.5, :3]
    assert len(ball) == 251
    centre = torch.tensor([8.5, 8.5, 10.0]) / 16 - 1
    radii = (ball - centre).norm(dim=1) * 16
    assert radii.min() > 6.4
    assert radii.max() < 6.51


def test_depth_moves_the_cloud_away_from_the_viewer_and_colour_changes_no_point():
    near, far, blue = (
        render_points(Scenes.of([Scene((Thing("star", colour, "large", 8, 8, depth=depth),))]))[0]
        for colour, depth in (("red", NEAREST), ("red", FARTHEST), ("blue", FARTHEST))
    )
    torch.testing.assert_close(far - near, torch.tensor([0.0, 0.0, 1.0]).expand_as(near))
    assert torch.equal(far, blue)


def test_a_seed_gives_the_same_points_again_and_another_seed_others():
    scenes = sample_scenes(8, seed=0)
    assert torch.equal(render_points(scenes), render_points(scenes))
    assert not torch.equal(render_points(scenes), render_points(scenes, seed=1))
    assert render_points(scenes[:0]).shape == (0, 256, 3)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def ply(layout, corners, faces=()):
    header = (
        f"ply\nformat {layout} 1.0\ncomment by hand\nelement vertex {len(corners)}\n"
        "property float x\nproperty float y\nproperty float z\nproperty uchar red\n"
    )
    header += f"element face {len(faces)}\nproperty list uchar int vertex_indices\n" if len(faces) else ""
    data = (header + "end_header\n").encode()
    if layout == "ascii":
        lines = [" ".join(map(str, (*row, 7))) for row in corners] + [" ".join(map(str, (len(f), *f))) for f in faces]
        return data + "\n".join(lines).encode() + b"\n"
    order = "<" if "little" in layout else ">"
    data += b"".join(struct.pack(f"{order}fffB", *row, 7) for row in corners)
    return data + b"".join(struct.pack(f"{order}B{len(face)}i", len(face), *face) for face in faces)


LAYOUTS = ("ascii", "binary_little_endian", "binary_big_endian")


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (npy(SQUARE), ".npy"),
        (npy(SQUARE.astype(np.int32)), ".NPY"),
        (npy(np.hstack([SQUARE, SQUARE])), ".npy"),
        *((ply(layout, SQUARE), ".ply") for layout in LAYOUTS),
        (b"# by hand\nv 0 0 0\nv 2 0 0 1.0\nv 2 2 0\n\nv 0 2 0\n", ".obj"),
    ],
)
def test_a_cloud_of_each_format_is_read_whole(data, suffix):
    points = load_points(data, suffix=suffix)
    assert points.dtype == torch.float32
    assert np.array_equal(points.numpy(), SQUARE)


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        *((ply(layout, SQUARE, [(0, 1, 2), (0, 2, 3)]), ".ply") for layout in LAYOUTS),
        (ply("ascii", SQUARE, [(0, 1, 2, 3)]), ".ply"),
        (b"v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nf 1/1 2/2 3/3 4/4\n", ".obj"),
        (b"v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nf -4 -3 -2\nf 1//1 3//3 4//4\n", ".obj"),
    ],
)
def test_of_a_mesh_points_are_drawn_from_its_whole_surface(data, suffix):
    points = load_points(data, 800, suffix=suffix)
    assert points.shape == (800, 3)
    assert points[:, :2].mean(0).tolist() == pytest.approx([1, 1], abs=0.1)
    assert points[:, 2].abs().max() == 0
    assert torch.equal(points, load_points(data, 800, suffix=suffix))


def test_of_a_million_points_some_are_drawn_each_at_most_once(tmp_path):
    path = tmp_path / "scan.npy"
    np.save(path, np.arange(3_000_000, dtype=np.float32).reshape(-1, 3))
    points = load_points(path, 500)
    assert points.shape == (500, 3)
    assert len(points[:, 0].unique()) == 500
    assert points[:, 0].mean().item() == pytest.approx(1_500_000, rel=0.15), "from the whole file"
    assert torch.equal(points, load_points(path, 500))
    assert not torch.equal(points, load_points(path, 500, seed=1))


@pytest.mark.parametrize(
    ("data", "suffix", "message"),
    [
        (
            npy(np.array([[0, 0, 0], [np.nan, 0, 0], [0, np.inf, 0]])),
            ".npy",
            "2 of 3 points .* NaN .* point 1,.*keep",
        ),
        (ply("ascii", [(0, 0, "nan")]), ".ply", "1 of 1 points of the upload"),
        (npy(np.empty((0, 3))), ".npy", "holds no points"),
        (ply("ascii", []), ".ply", "holds no points"),
        (b"# nothing\n", ".obj", "holds no points"),
        (npy(np.zeros((4, 2))), ".npy", r"shape \[points, 3\], not float64 \[4, 2\]"),
        (npy(np.zeros((2, 4, 3))), ".npy", r"not float64 \[2, 4, 3\]"),
        (npy(np.array([["a", "b", "c"]])), ".npy", "must be numbers"),
        (npy(np.zeros((50, 3)))[:-7], ".npy", "not a .npy file that can be read"),
        (b"no array", ".npy", "not a .npy file that can be read"),
        (b"v 1 2\n", ".obj", "line 1 is 'v 1 2'"),
        (b"v 1 2 three\n", ".obj", "line 1"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", ".obj", "corner that is not there"),
        (b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", ".obj", "no surface"),
        (b"solid ply", ".ply", "begin with a header"),
        (ply("ascii", SQUARE)[:-9], ".ply", "cut short"),
        (ply("binary_little_endian", SQUARE)[:-9], ".ply", "not a .ply file that can be read"),
        (ply("binary_little_endian", SQUARE, [(0, 1, 2, 3)]), ".ply", "triangles; save it as text"),
        (ply("ascii", SQUARE).replace(b"property float z", b"property float w"), ".ply", "export it anew"),
        (ply("ascii", SQUARE).replace(b"ascii 1.0", b"braille 1.0"), ".ply", "'braille'"),
        (b"", ".ply", "empty"),
        (b"v 0 0 0", ".stl", "no .ply, .obj, .npy file"),
        (b"v 0 0 0", "", "no .ply, .obj, .npy file"),
    ],
)
def test_a_file_that_is_no_cloud_is_refused_with_what_is_wrong(data, suffix, message):
    with pytest.raises(ValueError, match=message):
        load_points(data, suffix=suffix)


def test_a_pickle_in_npy_is_never_run():
    with pytest.raises(ValueError, match="pickle"):
        load_points(npy(np.array([[print, 0, 0]], dtype=object)), suffix=".npy")


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.ply"):
        load_points(tmp_path / "gone.ply")


def test_centred_fits_a_cloud_into_the_room_and_keeps_its_proportions():
    points = centred(torch.tensor([[10.0, 0, 5], [30, 10, 5]]))
    assert points.tolist() == [[-1, -0.5, 0], [1, 0.5, 0]]
    assert centred(torch.ones(1, 3)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: render_points(Scenes.of([Scene(())])), "no surface"),
        (lambda: render_points(sample_scenes(4, seed=0, objects=(2, 2)), 1), "fewer than a scene has objects"),
        (lambda: render_points(sample_scenes(4, seed=0), 0), "0 points"),
        (lambda: load_points(b"v 0 0 0", 0, suffix=".obj"), "at least 1 point"),
        (lambda: centred(torch.zeros(0, 3)), "at least one point"),
        (lambda: centred(torch.zeros(5)), r"not \[5\]"),
        (lambda: centred(torch.tensor([[0.0, float("nan"), 0]])), "NaN"),
    ],
)
def test_what_gives_no_cloud_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
