"""The video of a scene: its objects move, grow, spin, bounce or blink, frame after frame.

Each object does what its `motion` says. It keeps to its part of the picture meanwhile, so what a caption says of places
stays true, and it never leaves the picture. Where it begins, and how far its action has got by then, is drawn anew for
every object whatever it does: no single frame tells the action, and whoever wants to know it must compare frames.
"""

from __future__ import annotations

import functools
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from utils.world.captions import noun_phrase
from utils.world.photographs import MAX_PIXELS, fit, load_picture
from utils.world.pictures import SPRITE, SUPERSAMPLING, blank_canvas, paint, picture_of, silhouette
from utils.world.scenes import MOTIONS, PICTURE_SIZE, PIXELS, SHAPES, SIZES, Scene, Scenes, Thing, cell_edges

FRAMES = 8  # of a video, unless another number is asked for
LEAST_FRAMES = 4  # in fewer, a bounce or a blink may not show
TRAVEL = 0.5  # what a mover crosses, as a share of the room it has: with more, its place would give its direction away
SMALLEST, GROWTH = 0.5, 1.45  # the least size of what grows or shrinks, in its own size; how many times larger it gets
HALF_TURNS, THINNEST = 1.5, 0.15  # of what spins, like a coin on its edge; its width seen from there, in its own width
CYCLES = 2  # bounces, or blinks, in one video
_SCENES_AT_ONCE = 512  # bounds the memory that rendering takes

MAX_FRAMES = 1000
VIDEO_FORMATS = ("GIF", "PNG", "WEBP")  # the moving pictures that need no program besides
_WHAT_TO_DO = "export the video as an animated GIF (a video editor, or a web page for it, does that) and try again"


def action_phrase(thing: Thing) -> str:
    """Return what one object does, such as "a large red circle moves left"."""
    return f"{noun_phrase(thing)} {'is still' if thing.motion == 'still' else thing.motion}"


def describe_action(scene: Scene) -> str:
    """Return the caption of a scene's video: what each object does, "nothing" if there is none."""
    return " and ".join(action_phrase(thing) for thing in scene.things) or "nothing"


def render_action_captions(scenes: Iterable[Scene]) -> list[str]:
    """Return the caption of each scene's video."""
    return [describe_action(scene) for scene in scenes]


@dataclass(frozen=True)
class Poses:
    """Where each object is in each frame, and how it looks there.

    `x` and `y` are the centre in pixels, fractions included; `width` and `height` are in the object's own size, 0 when
    it cannot be seen.
    """

    x: Float[Tensor, "scenes slots frames"]
    y: Float[Tensor, "scenes slots frames"]
    width: Float[Tensor, "scenes slots frames"]
    height: Float[Tensor, "scenes slots frames"]


def render_videos(
    scenes: Scenes, frames: int = FRAMES, *, seed: int = 0
) -> UInt8[Tensor, "scenes frames 3 height width"]:
    """Return the video of each scene: `frames` pictures, channels first, 0 to 255.

    `seed` draws where each object begins; the same seed gives the same videos. Raises `ValueError` for fewer than
    `LEAST_FRAMES` frames.
    """
    poses = pose(scenes, frames, seed=seed)
    videos = torch.empty(len(scenes), frames, 3, PICTURE_SIZE, PICTURE_SIZE, dtype=torch.uint8)
    for begin in range(0, len(scenes), _SCENES_AT_ONCE):
        part = slice(begin, begin + _SCENES_AT_ONCE)
        videos[part] = film(scenes[part], Poses(*(getattr(poses, field.name)[part] for field in fields(Poses))))
    return videos


def pose(scenes: Scenes, frames: int = FRAMES, *, seed: int = 0) -> Poses:
    """Return where the objects of `scenes` are in each frame of their videos; what empty slots hold means nothing."""
    if frames < LEAST_FRAMES:
        raise ValueError(f"a video takes at least {LEAST_FRAMES} frames to show what happens, not {frames}")
    generator = torch.Generator().manual_seed(seed)
    # three numbers a slot, each 0 to 1: where in its room it begins, across and down, and how far its action has got
    across, down, phase = torch.rand(len(scenes), scenes.shape.shape[1], 3, 1, generator=generator).unbind(2)
    time = torch.arange(frames) / frames
    progress = torch.arange(frames) / (frames - 1)

    def does(*motions: str) -> Tensor:
        return torch.stack([scenes.motion == MOTIONS.index(motion) for motion in motions]).any(0).unsqueeze(2)

    def path(motion_back: str, motion_forth: str) -> Tensor:
        """How far along its way an object is, 0 to 1; only a mover has one."""
        return torch.where(does(motion_back), 1 - progress, progress) * does(motion_back, motion_forth)

    def place(coordinate: Tensor, start: Tensor, way: Tensor, moves: Tensor) -> Tensor:
        low, room = _room(scenes, coordinate)
        length = torch.where(moves, TRAVEL, 0.0) * room
        return low + start * (room - length) + length * way

    cycle = (CYCLES * time + phase) % 1
    bounces, blinks = does("bounces"), does("blinks")
    height = 1 - 4 * cycle * (1 - cycle)  # a parabola, as things fall: 1 on the ground, 0 at the top
    way_down = torch.where(bounces, height, path("moves up", "moves down"))
    x = place(scenes.x, across, path("moves left", "moves right"), does("moves left", "moves right"))
    y = place(scenes.y, down, way_down, does("moves up", "moves down", "bounces"))

    # sizes are multiplied, so the room between the least and the greatest is one of logarithms
    way = torch.where(does("shrinks"), 1 - progress, progress)
    scale = SMALLEST ** (1 - phase) * GROWTH ** (way - phase)
    scale = torch.where(does("grows", "shrinks"), scale, 1.0) * torch.where(blinks & (cycle >= 0.5), 0.0, 1.0)
    turned = torch.cos(torch.pi * (HALF_TURNS * time + phase)).abs().clamp(min=THINNEST)
    return Poses(x, y, scale * torch.where(does("spins"), turned, 1.0), scale)


def _room(scenes: Scenes, coordinate: Tensor) -> tuple[Tensor, Tensor]:
    """The least coordinate that an object's centre may have, and how much further it may go.

    The centre stays in its cell and the object in the picture; where there are several, each stays in its cell whole,
    so that none covers another.
    """
    edges = torch.tensor(cell_edges(scenes.grid))
    cell = torch.bucketize(coordinate.clamp(0, PICTURE_SIZE - 1), edges[1:-1], right=True)
    half = torch.tensor(PIXELS[scenes.grid])[scenes.size] // 2
    margin = torch.where(scenes.count.unsqueeze(1) > 1, half, 0)
    low = torch.maximum(edges[cell] + margin, half)
    high = torch.minimum(edges[cell + 1] - 1 - margin, PICTURE_SIZE - 1 - half)
    return low.unsqueeze(2).float(), (high - low).unsqueeze(2).float()


def film(scenes: Scenes, poses: Poses) -> UInt8[Tensor, "scenes frames 3 height width"]:
    """Return the pictures of objects in the given poses; a later object covers an earlier one.

    An object in its own size whose centre is a whole number of pixels looks just as in `render_pictures`.
    """
    frames = poses.x.shape[2]
    canvas = blank_canvas(len(scenes) * frames)
    for slot in range(scenes.shape.shape[1]):
        there = (scenes.shape[:, slot] >= 0).unsqueeze(1) & (poses.width[:, slot] > 0)
        scene, frame = there.nonzero(as_tuple=True)
        shape, colour, size = (getattr(scenes, name)[scene, slot] for name in ("shape", "colour", "size"))
        x, y, width, height = (getattr(poses, field.name)[scene, slot, frame] for field in fields(Poses))
        left, top = ((middle - SPRITE // 2).floor().long() for middle in (x, y))
        alpha = _coverage(scenes.grid, shape, size, x - left, y - top, width, height)
        paint(canvas, scene * frames + frame, left, top, alpha, colour)
    return picture_of(canvas).view(len(scenes), frames, 3, PICTURE_SIZE, PICTURE_SIZE)


def _coverage(
    grid: int, shape: Tensor, size: Tensor, x: Tensor, y: Tensor, width: Tensor, height: Tensor
) -> Float[Tensor, "sprites pixels pixels"]:
    """How much of each pixel a sprite covers whose middle is at (`x`, `y`) and which is stretched by `width`, `height`.

    The edges of the pixels are carried over to the sprite at rest; the area of it between them is a difference of four
    corners of its integral (a summed-area table, Crow 1984), so it is exact for any place and size.
    """
    integrals = _integrals(grid)
    samples = integrals.shape[-1]
    edges = torch.arange(SPRITE + 2) - 0.5

    def at_rest(middle: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor]:
        place = ((edges - middle.unsqueeze(1)) / stretch.unsqueeze(1) + SPRITE / 2) * SUPERSAMPLING
        place = place.clamp_(0, samples - 1)
        before = place.floor().clamp_(max=samples - 2)
        return before.long(), place - before

    (column, right), (row, below) = at_rest(x, width), at_rest(y, height)
    row = row + ((shape * len(SIZES) + size) * samples).unsqueeze(1)
    first = (row * samples).unsqueeze(2) + column.unsqueeze(1)
    flat = integrals.flatten()
    upper = torch.lerp(flat[first], flat[first + 1], right.unsqueeze(1))
    first += samples
    lower = torch.lerp(flat[first], flat[first + 1], right.unsqueeze(1))
    area = torch.lerp(upper, lower, below.unsqueeze(2)).diff(dim=1).diff(dim=2)
    return (area * (width * height).view(-1, 1, 1)).clamp_(0, 1)


@functools.cache
def _integrals(grid: int) -> Float[Tensor, "shapes sizes samples samples"]:
    """The area of each sprite, in pixels, above and to the left of each sample's corner."""
    fine = torch.stack([torch.stack([silhouette(shape, size) for size in PIXELS[grid]]) for shape in SHAPES])
    return torch.nn.functional.pad(fine.cumsum(2).cumsum(3), (1, 0, 1, 0)) / SUPERSAMPLING**2


def load_video(
    source: str | os.PathLike | bytes | memoryview, frames: int = FRAMES
) -> UInt8[Tensor, "frames 3 height width"]:
    """Return `frames` pictures of an animated GIF, PNG or WebP, given as its path or its bytes, 0 to 255.

    Each is the square in the middle, in the course's size. They are spread evenly from the first to the last, so of a
    long video some are left out, and of one with fewer than `frames` some come twice. How long each is shown is not
    looked at.

    Raises `ValueError`, saying what to do, for a file that is empty, cut short, a picture without motion or no moving
    picture of these formats, and for more than `MAX_FRAMES` frames; `FileNotFoundError` for a path that leads nowhere.
    """
    if frames < 1:
        raise ValueError(f"ask for at least one frame, not {frames}")
    if isinstance(source, bytes | bytearray | memoryview):
        name, data = "the upload", bytes(source)
    else:
        name, data = Path(source).name, Path(source).read_bytes()
    if not data:
        raise ValueError(f"{name} is empty (0 bytes): choose the file again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata and on sizes, which are judged below
            with Image.open(io.BytesIO(data), formats=VIDEO_FORMATS) as moving:
                return torch.stack([fit(load_picture(still)) for still in _stills(name, moving, frames)])
    except Image.UnidentifiedImageError:
        kinds = ", ".join(VIDEO_FORMATS)
        raise ValueError(f"{name} is not a moving picture in {kinds}: {_WHAT_TO_DO}") from None
    except (EOFError, LookupError, OSError, RuntimeError, SyntaxError, struct.error, zlib.error) as error:
        raise ValueError(f"{name} is damaged or incomplete ({error}): {_WHAT_TO_DO}") from error


def _stills(name: str, moving: Image.Image, frames: int) -> Iterable[bytes]:
    """`frames` frames, evenly spread, each as the bytes of a picture."""
    number = getattr(moving, "n_frames", 1)
    if number < 2:
        raise ValueError(f"{name} has one frame, so nothing moves in it: it is a picture, and load_picture reads it")
    if number > MAX_FRAMES or moving.width * moving.height > MAX_PIXELS:
        raise ValueError(
            f"{name} has {number} frames of {moving.width} x {moving.height} pixels, and at most {MAX_FRAMES} of "
            f"{MAX_PIXELS / 1e6:,.0f} million are read: cut it, or save it smaller, and try again"
        )
    for chosen in torch.linspace(0, number - 1, frames).round().long().tolist():
        moving.seek(chosen)
        buffer = io.BytesIO()
        moving.save(buffer, "PNG", compress_level=1)
        yield buffer.getvalue()
