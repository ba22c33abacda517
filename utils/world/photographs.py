"""Real pictures: the photographs that scikit-image bundles, and any picture file of the learner's own."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from utils.world.scenes import PICTURE_SIZE

MAX_PIXELS = 64_000_000  # more than a phone's camera makes; the decoded picture then takes 192 MB
MAX_SIDE = 1024  # pixels; what is larger is reduced, since no model of the course sees more
# What phones, scanners and browsers write, and no format whose reader would start another program.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_WHAT_TO_DO = "open it in any picture viewer, save it as PNG or JPEG, and try again"


class PictureTooLargeError(ValueError):
    """A picture has more than `MAX_PIXELS` pixels."""


@dataclass(frozen=True)
class Photograph:
    """A photograph that comes with scikit-image: its file, what it shows, and whom to thank under which licence."""

    file: str
    description: str
    credit: str


# Descriptions and credits are those of scikit-image's documentation (skimage.data, version 0.26).
PHOTOGRAPHS = {
    "astronaut": Photograph(
        "astronaut.png", "The astronaut Eileen Collins before a flag and a model shuttle", "NASA, public domain"
    ),
    "camera": Photograph("camera.png", "A man at a camera on a tripod, in grey", "Lav Varshney, CC0"),
    "chelsea": Photograph("chelsea.png", "Chelsea the cat", "Stéfan van der Walt, CC0"),
    "coffee": Photograph("coffee.png", "A cup of coffee on a wooden table", "Rachel Michetti, CC0"),
    "coins": Photograph(
        "coins.png", "Greek coins from Pompeii, in grey", "Brooklyn Museum, no known copyright restrictions"
    ),
    "hubble": Photograph("hubble_deep_field.jpg", "Galaxies as far as Hubble can see", "NASA, public domain"),
    "retina": Photograph("retina.jpg", "The retina of a human eye", "Mikael Häggström, CC0"),
    "rocket": Photograph("rocket.jpg", "A Falcon 9 rocket on its launch pad at dusk", "SpaceX, public domain"),
}


def photograph(name: str) -> UInt8[Tensor, "3 height width"]:
    """Return the photograph called `name` in `PHOTOGRAPHS`, 0 to 255, channels first.

    Raises `ValueError` for a name that is not there and `FileNotFoundError` if scikit-image came without its pictures.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"no photograph is called {name!r}; choose from {', '.join(PHOTOGRAPHS)}")
    spec = importlib.util.find_spec("skimage")
    if spec is None:
        raise FileNotFoundError("the photographs come with scikit-image, which is missing: pip install scikit-image")
    path = Path(spec.origin).parent / "data" / PHOTOGRAPHS[name].file
    if not path.exists():
        raise FileNotFoundError(
            f"scikit-image came without {path.name}: pip install --force-reinstall --no-deps scikit-image"
        )
    return load_picture(path)


def load_picture(source: str | os.PathLike | bytes | memoryview) -> UInt8[Tensor, "3 height width"]:
    """Return any picture file, given as its path or its bytes, as red, green and blue from 0 to 255, channels first.

    The picture is turned upright (EXIF), laid on white where it is see-through, and reduced if a side has more than
    `MAX_SIDE` pixels. Of an animation it is the first frame. 16-bit greys are scaled to 8 bits.

    Raises `ValueError`, saying what to do, for a file that is empty, cut short or not a picture, and for a picture of
    more than `MAX_PIXELS` pixels; `FileNotFoundError` for a path that leads nowhere.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        name, data = "the upload", bytes(source)
    else:
        name, data = Path(source).name, Path(source).read_bytes()
    if not data:
        raise ValueError(f"{name} is empty (0 bytes): choose the file again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata and on sizes, which are judged below
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(name, image.width * image.height)
                image.draft(None, (MAX_SIDE, MAX_SIDE))  # a JPEG can be decoded at a half, a quarter or an eighth
                rgb = _upright_rgb(image)
    except PictureTooLargeError:
        raise
    except Image.DecompressionBombError as error:  # Pillow says how many pixels there are, but in words only
        pixels = re.search(r"\d+", str(error))
        raise _too_large(name, int(pixels[0]) if pixels else None) from None
    except Image.UnidentifiedImageError:
        raise ValueError(f"{name} is not a picture in {', '.join(FORMATS)}: {_WHAT_TO_DO}") from None
    except _DAMAGE as error:
        raise ValueError(f"{name} is a damaged or incomplete picture ({error}): {_WHAT_TO_DO}") from error
    rgb.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1).contiguous()


def fit(picture: UInt8[Tensor, "3 height width"], size: int = PICTURE_SIZE) -> UInt8[Tensor, "3 size size"]:
    """Return the largest square in the middle of `picture`, resized with anti-aliasing to `size` x `size` pixels."""
    if picture.ndim != 3 or picture.shape[0] != 3 or picture.dtype != torch.uint8 or not picture.numel():
        raise ValueError(
            f"picture must be uint8 [3, height, width] with at least one pixel, not {picture.dtype} "
            f"{list(picture.shape)}; load_picture gives such a tensor"
        )
    height, width = picture.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[None, :, top : top + side, left : left + side].float()
    resized = torch.nn.functional.interpolate(
        square, size=(size, size), mode="bicubic", align_corners=False, antialias=True
    )
    return resized[0].round().clamp(0, 255).byte()


# What Pillow's readers raise on files that are damaged in some way or other.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def _check_size(name: str, pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise _too_large(name, pixels)


def _too_large(name: str, pixels: int | None) -> ValueError:
    amount = f"{pixels / 1e6:,.0f}" if pixels else "too many"
    limit = f"{MAX_PIXELS / 1e6:,.0f}"
    return PictureTooLargeError(
        f"{name} has {amount} million pixels, and at most {limit} million are read: save a smaller copy and try again"
    )


def _upright_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _eight_bit_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    return image.convert("RGB")


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """Scale greys of more than 8 bits, which Pillow's own conversion would cut off at 255.

    Whole numbers have 16 bits in nearly every file; greater ones, negative ones and fractions have no agreed white and
    black, so the least becomes black and the greatest white.
    """
    grey = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0)
    low, high = 0.0, 65535.0
    if image.mode == "F" or grey.min() < low or grey.max() > high:
        low, high = grey.min(), grey.max()
    scaled = (grey - low) / (high - low or 1) * 255
    return Image.fromarray(scaled.round().astype(np.uint8))
