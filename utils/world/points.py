"""Point clouds: scenes as points on the surfaces of solid objects, and any cloud or mesh file of the learner's own."""

from __future__ import annotations

import io
import itertools
import os
import re
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from utils.world.pictures import RGB
from utils.world.scenes import COLOURS, PICTURE_SIZE, SHAPES, Scenes
from utils.world.solids import mesh, sample_surface, sides

POINTS = 256  # in the cloud of a scene
MAX_BYTES = 256_000_000  # of a file of one's own; some ten million points in binary
FORMATS = (".ply", ".obj", ".npy")


def render_points(
    scenes: Scenes, number: int = POINTS, *, seed: int = 0, colour: bool = False
) -> Float[Tensor, "scenes number features"]:
    """Return `number` points drawn from the surfaces of each scene's objects, the same number (give or take one) each.

    A point is x (to the right), y (down) and z (away from the viewer), from -1 to 1 across the room; with `colour` red,
    green and blue follow, from 0 to 1. The surfaces are seen from all sides, as after walking around the scene. The
    order of points means nothing. A seed gives the same points again, though not in another batch.

    Raises `ValueError` for an empty scene, which has no surface, and for fewer points than a scene has objects.
    """
    count = scenes.count.unsqueeze(1)
    if len(scenes) and not int(count.min()):
        raise ValueError("an empty scene has no surface to draw points from; keep scenes[scenes.count > 0]")
    if number < max(1, int(count.max()) if len(scenes) else 1):
        raise ValueError(f"{number} points are fewer than a scene has objects; ask for more")
    generator = torch.Generator().manual_seed(seed)
    slot = torch.arange(number) % count
    shape = scenes.shape.gather(1, slot)
    points = torch.empty(len(scenes), number, 3)
    for i, name in enumerate(SHAPES):
        chosen = shape == i
        points[chosen] = sample_surface(*mesh(name), int(chosen.sum()), generator)
    half = (sides(scenes) / 2).gather(1, slot).unsqueeze(2)
    # Pixel p reaches from p - 1/2 to p + 1/2, and the room from -1/2 to PICTURE_SIZE - 1/2.
    centre = torch.stack([scenes.x + 0.5, scenes.y + 0.5, scenes.depth.float()], dim=-1)
    centre = centre.gather(1, slot.unsqueeze(2).expand(-1, -1, 3))
    points = (points * half + centre) / (PICTURE_SIZE / 2) - 1
    if not colour:
        return points
    colours = torch.tensor([RGB[name] for name in COLOURS]) / 255
    return torch.cat([points, colours[scenes.colour.gather(1, slot)]], dim=2)


def load_points(
    source: str | os.PathLike | bytes, number: int = 1024, *, seed: int = 0, suffix: str = ""
) -> Float[Tensor, "points 3"]:
    """Return the points of a .ply, .obj or .npy file, given as its path or, with `suffix`, as its bytes.

    A cloud of up to `number` points comes whole; of a larger one, be it of a million, `number` points are drawn at
    random, each at most once. Of a mesh, `number` points are drawn evenly from its surface, since its corners crowd
    where it is bent. Coordinates are those of the file: `centred` fits them into the room. An array in .npy is [points,
    3 or more], and what comes after x, y and z (colours, normals) is left out, as it is from the other formats.

    Raises `ValueError`, saying what to do, for a file that is empty, damaged, of another format or larger than
    `MAX_BYTES`, for no points, a wrong shape, and coordinates that are NaN or infinite; `FileNotFoundError` for a path
    that leads nowhere.
    """
    if number < 1:
        raise ValueError(f"number must be at least 1 point, not {number}")
    if isinstance(source, bytes | bytearray | memoryview):
        name, size = "the upload", len(source)
    else:
        path = Path(source)
        name, size, suffix = path.name, path.stat().st_size, path.suffix
    suffix = suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{name} is no {', '.join(FORMATS)} file: save it in one of these formats and try again")
    if not size:
        raise ValueError(f"{name} is empty (0 bytes): choose the file again")
    if size > MAX_BYTES:
        raise ValueError(f"{name} has {size / 1e6:,.0f} MB, and at most {MAX_BYTES / 1e6:,.0f} are read: thin it out")
    data = bytes(source) if name == "the upload" else path.read_bytes()
    try:
        corners, triangles = {".ply": _read_ply, ".obj": _read_obj, ".npy": _read_npy}[suffix](data)
    except (ValueError, LookupError, OverflowError, EOFError, UnicodeDecodeError, SyntaxError) as error:
        raise ValueError(f"{name} is not a {suffix} file that can be read ({error}): export it anew") from error
    if not len(corners):
        raise ValueError(f"{name} holds no points: a cloud needs at least one")
    bad = ~np.isfinite(corners).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(corners)} points of {name} have a coordinate that is NaN or infinite (the first is "
            f"point {int(bad.argmax())}, counted from 0): keep points[np.isfinite(points).all(1)] and try again"
        )
    generator = torch.Generator().manual_seed(seed)
    corners = torch.from_numpy(corners.astype(np.float32))
    if len(triangles):
        if triangles.min() < 0 or triangles.max() >= len(corners):
            raise ValueError(f"a face of {name} names a corner that is not there: export it anew")
        return sample_surface(corners, torch.from_numpy(triangles.astype(np.int64)), number, generator)
    if len(corners) <= number:
        return corners
    return corners[torch.randperm(len(corners), generator=generator)[:number]]


def centred(points: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
    """Return a cloud moved and scaled, alike in all directions, so that it just fits into the room of -1 to 1.

    Raises `ValueError` unless `points` is [points, 3] with at least one, and all of it finite.
    """
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"points must be [points, 3] with at least one point, not {list(points.shape)}")
    if not points.isfinite().all():
        raise ValueError("some coordinates are NaN or infinite: remove those points first")
    low, high = points.amin(0), points.amax(0)
    largest = (high - low).max() / 2
    return (points - (low + high) / 2) / largest.where(largest > 0, torch.ones_like(largest))


_NO_FACES = np.empty((0, 3), dtype=np.int64)


def _read_npy(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    array = np.load(io.BytesIO(data), allow_pickle=False)  # a pickle could run any program
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise ValueError(f"points must be numbers of the shape [points, 3], not {array.dtype} {list(array.shape)}")
    return array[:, :3].astype(np.float64), _NO_FACES


def _read_obj(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The `v` and `f` lines of Wavefront's format; faces of more corners are cut into triangles about their first."""
    corners, triangles = [], []
    for number, line in enumerate(data.decode("utf-8", errors="replace").splitlines(), start=1):
        words = line.split()
        try:
            if words[:1] == ["v"]:
                x, y, z = words[1:4]
                corners.append((float(x), float(y), float(z)))
            elif words[:1] == ["f"]:
                # "7/1/3" is corner 7, counted from 1, or from the last one backwards if negative
                face = [int(word.split("/")[0]) for word in words[1:]]
                face = [i - 1 if i > 0 else len(corners) + i for i in face]
                triangles += _fan(face)
        except ValueError:
            raise ValueError(f"line {number} is {line.strip()!r}") from None
    return np.array(corners, dtype=np.float64).reshape(-1, 3), np.array(triangles, dtype=np.int64).reshape(-1, 3)


def _fan(face: list[int]) -> list[tuple[int, int, int]]:
    """The triangles that a face falls into when it is cut from its first corner."""
    return [(face[0], *pair) for pair in itertools.pairwise(face[1:])]


_PLY_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2"},
    **{"int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"},
}


def _read_ply(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Stanford's polygon format, as text or binary: the elements `vertex` and, where there are any, `face`."""
    match = re.match(rb"ply\s.*?\nend_header\r?\n", data, flags=re.DOTALL)
    if not match:
        raise ValueError("it does not begin with a header from 'ply' to 'end_header'")
    lines = [line.split() for line in match[0].decode("ascii").splitlines()]
    layout = next((line[1] for line in lines if line[:1] == ["format"]), "")
    elements: list[tuple[str, int, list[list[str]]]] = []
    for line in lines:
        if line[:1] == ["element"]:
            elements.append((line[1], int(line[2]), []))
        elif line[:1] == ["property"]:
            elements[-1][2].append(line[1:])
    if not elements or elements[0][0] != "vertex":
        raise ValueError("its first element is not 'vertex'")
    if layout == "ascii":
        return _read_ply_text(data[match.end() :].decode("ascii").split("\n"), elements)
    if layout not in ("binary_little_endian", "binary_big_endian"):
        raise ValueError(f"its format is {layout!r}, not ascii or binary")
    return _read_ply_binary(data[match.end() :], elements, "<" if "little" in layout else ">")


def _read_ply_text(lines: list[str], elements: list) -> tuple[np.ndarray, np.ndarray]:
    (_, number, properties), *others = elements
    names = [words[-1] for words in properties]
    columns = [names.index(axis) for axis in "xyz"]
    rows = [line.split() for line in lines if line.strip()]
    if len(rows) < sum(count for _, count, _ in elements) or any(len(row) < len(names) for row in rows[:number]):
        raise ValueError(f"it is cut short after {len(rows)} lines")
    corners = np.array([[float(row[column]) for column in columns] for row in rows[:number]]).reshape(-1, 3)
    if not others or others[0][0] != "face":
        return corners, _NO_FACES
    triangles = []
    for row in rows[number : number + others[0][1]]:
        face = [int(word) for word in row[1 : 1 + int(row[0])]]
        triangles += _fan(face)
    return corners, np.array(triangles, dtype=np.int64).reshape(-1, 3)


def _read_ply_binary(data: bytes, elements: list, order: str) -> tuple[np.ndarray, np.ndarray]:
    (_, number, properties), *others = elements
    if any(words[0] == "list" for words in properties):
        raise ValueError("its vertices hold lists")
    kind = np.dtype([(name, order + _PLY_TYPES[what]) for what, name in properties])
    vertices = np.frombuffer(data, kind, count=number)
    corners = np.stack([vertices[axis].astype(np.float64) for axis in "xyz"], axis=1)
    if not others or others[0][0] != "face" or not others[0][1]:
        return corners, _NO_FACES
    _, number, properties = others[0]
    if len(properties) != 1 or properties[0][0] != "list":
        raise ValueError("its faces hold more than the list of their corners; save it as text (ASCII)")
    _, length, what, _ = properties[0]
    kind = np.dtype([("length", order + _PLY_TYPES[length]), ("corners", order + _PLY_TYPES[what], (3,))])
    faces = np.frombuffer(data, kind, count=number, offset=vertices.nbytes)
    if (faces["length"] != 3).any():
        raise ValueError("its faces are not all triangles; save it as text (ASCII)")
    return corners, faces["corners"].astype(np.int64)
