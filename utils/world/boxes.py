"""Boxes around objects, and boxes as words: how a model that only writes can point.

Bai et al. 2023, "Qwen-VL", section 2.2, writes the corners of a box as text, in thousandths of the picture. Here it is
tenths, each a word: left, top, right, bottom, such as "one one four four".
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import UInt8
from torch import Tensor

from utils.world.captions import NUMBERS
from utils.world.scenes import PICTURE_SIZE, PIXELS, SIZES, Thing

Box = tuple[float, float, float, float]
TICKS = len(NUMBERS)


def box_of(thing: Thing, grid: int = 2) -> Box:
    """Return the left, top, right and bottom edge of an object in its picture, in pixels from the top left."""
    side = PIXELS[grid][SIZES.index(thing.size)]
    left, top = thing.x - side // 2, thing.y - side // 2
    return left, top, left + side, top + side


def box_words(box: Sequence[float]) -> str:
    """Return a box in words: for each edge the last tenth of the picture that it has reached."""
    return " ".join(NUMBERS[min(int(TICKS * edge / PICTURE_SIZE), TICKS - 1)] for edge in box)


def words_box(words: str) -> Box | None:
    """Return the box that is meant by words, each edge in the middle of its tenth; None if they mean no box."""
    said = words.split()
    if len(said) != 4 or not set(said) <= set(NUMBERS):
        return None
    left, top, right, bottom = ((NUMBERS.index(word) + 0.5) * PICTURE_SIZE / TICKS for word in said)
    return (left, top, right, bottom) if left < right and top < bottom else None


def overlap(one: Box | None, other: Box | None) -> float:
    """Return the intersection over union of two boxes: 1 for the same, 0 for apart or if one is none."""
    if one is None or other is None:
        return 0.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    area_one, area_other = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (area_one + area_other - both)


def framed(
    picture: UInt8[Tensor, "3 height width"], boxes: Sequence[Box | None], scale: int = 8
) -> UInt8[Tensor, "3 large_height large_width"]:
    """Return a picture, `scale` times as large, with a dark frame around each box; None frames nothing."""
    large = picture.repeat_interleave(scale, dim=1).repeat_interleave(scale, dim=2)
    for left, top, right, bottom in (box for box in boxes if box):
        rows, columns = (
            slice(max(round(scale * low), 0), round(scale * high)) for low, high in ((top, bottom), (left, right))
        )
        inside = large[:, rows, columns][:, 4:-4, 4:-4].clone()
        large[:, rows, columns] = 0
        large[:, rows, columns][:, 4:-4, 4:-4] = inside
    return large
