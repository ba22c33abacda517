import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from world_strategies import some_examples

from utils.world import PHOTOGRAPHS, PICTURE_SIZE, fit, load_picture, photograph
from utils.world.photographs import FORMATS, MAX_SIDE, PictureTooLargeError

RED = (200, 30, 40)


def file(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def half_red(mode: str = "RGB") -> Image.Image:
    """40 x 20 pixels: red on the left, white on the right."""
    image = Image.new("RGB", (40, 20), "white")
    image.paste(RED, (0, 0, 20, 20))
    return image.convert(mode)


def near(pixel, colour, tolerance=4) -> bool:
    return all(abs(int(a) - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_each_photograph_comes_in_colour_with_credit(name):
    pixels = photograph(name)
    assert pixels.dtype == torch.uint8
    assert pixels.shape[0] == 3
    assert min(pixels.shape[1:]) >= 300
    assert pixels.float().std() > 20, "the picture is blank"
    assert PHOTOGRAPHS[name].description
    assert PHOTOGRAPHS[name].credit


def test_an_unknown_photograph_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'dog'; choose from astronaut"):
        photograph("dog")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_gives_the_same_colours(format):
    options = {"lossless": True} if format == "WEBP" else {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    pixels = load_picture(file(half_red(), format, **options))
    assert pixels.shape == (3, 20, 40)
    assert near(pixels[:, 10, 5], RED)
    assert near(pixels[:, 10, 35], (255, 255, 255))


def test_a_path_bytes_and_an_upload_give_the_same(tmp_path):
    data = file(half_red())
    path = tmp_path / "half.png"
    path.write_bytes(data)
    for source in (path, str(path), bytearray(data), memoryview(data)):
        assert torch.equal(load_picture(source), load_picture(data))


@pytest.mark.parametrize(
    ("mode", "format", "expected"),
    [
        ("L", "PNG", (82, 82, 82)),
        ("1", "PNG", None),
        ("P", "PNG", RED),
        ("P", "GIF", RED),
        ("CMYK", "JPEG", RED),
        ("CMYK", "TIFF", RED),
        ("YCbCr", "JPEG", RED),
        ("RGBA", "PNG", RED),
        ("LA", "PNG", (82, 82, 82)),
    ],
)
def test_other_colour_models_become_red_green_and_blue(mode, format, expected):
    image = half_red().quantize(4) if mode == "P" else half_red(mode)
    pixels = load_picture(file(image, format))
    assert pixels.shape == (3, 20, 40)
    assert near(pixels[:, 10, 35], (255, 255, 255))
    assert expected is None or near(pixels[:, 10, 5], expected, tolerance=6)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_what_is_see_through_lies_on_white(format):
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.putpixel((5, 5), (0, 0, 0, 128))
    image.putpixel((7, 7), (*RED, 255))
    options = {"lossless": True} if format == "WEBP" else {}
    pixels = load_picture(file(image, format, **options))
    assert tuple(pixels[:, 0, 0].tolist()) == (255, 255, 255)
    assert near(pixels[:, 5, 5], (127, 127, 127))
    assert near(pixels[:, 7, 7], RED)


def test_a_see_through_colour_of_a_palette_lies_on_white():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, *RED])
    image.putpixel((1, 1), 1)
    for format in ("PNG", "GIF"):
        pixels = load_picture(file(image, format, transparency=0))
        assert tuple(pixels[:, 0, 0].tolist()) == (255, 255, 255)
        assert near(pixels[:, 1, 1], RED)


@pytest.mark.parametrize(
    ("dtype", "format"), [(np.uint16, "PNG"), (np.uint16, "TIFF"), (np.int32, "TIFF"), (np.float32, "TIFF")]
)
def test_greys_of_16_bits_keep_their_steps(dtype, format):
    ramp = np.linspace(0, 65535, 256).reshape(16, 16).astype(dtype)
    pixels = load_picture(file(Image.fromarray(ramp), format))
    assert (pixels[0].flatten() - torch.arange(256)).abs().max() <= 1
    assert torch.equal(pixels[0], pixels[2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_in_any_way_gives_an_upright_picture(orientation):
    upright = half_red()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = load_picture(file(stored, "PNG", exif=exif))
    assert torch.equal(pixels, load_picture(file(upright)))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    pixels = load_picture(file(frames[0], format, save_all=True, append_images=frames[1:], **options))
    assert near(pixels[:, 4, 4], RED)


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(3000, 1500), (700, 2100)])
def test_a_large_picture_is_reduced_to_the_longest_side_that_is_allowed(format, size):
    pixels = load_picture(file(half_red().resize(size), format))
    height, width = pixels.shape[1:]
    assert max(height, width) == MAX_SIDE
    assert abs(width / height - size[0] / size[1]) < 0.01
    assert near(pixels[:, height // 2, width // 8], RED)


def bomb(width: int, height: int) -> bytes:
    """A small PNG file that says it has `width` x `height` pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("side", "million"), [(9_000, "81"), (30_000, "900"), (2_000_000, "4,000,000")])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(side, million):
    with pytest.raises(
        PictureTooLargeError, match=rf"has {million} million pixels, and at most 64 million.*smaller copy"
    ):
        load_picture(bomb(side, side))


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", bytes(1000)])
def test_what_is_not_a_picture_is_refused_with_what_to_do(data):
    with pytest.raises(ValueError, match=r"is not a picture in PNG, JPEG.*save it as PNG or JPEG"):
        load_picture(data)


def test_a_postscript_file_is_not_handed_to_an_interpreter():
    with pytest.raises(ValueError, match="is not a picture in"):
        load_picture(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")


def test_an_empty_file_is_named(tmp_path):
    path = tmp_path / "holiday.png"
    path.touch()
    with pytest.raises(ValueError, match=r"holiday.png is empty"):
        load_picture(path)
    with pytest.raises(ValueError, match="the upload is empty"):
        load_picture(b"")


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        load_picture(tmp_path / "nowhere.png")


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_picture_that_was_cut_short_is_refused_with_what_to_do(format, kept):
    data = file(noise(), format)
    with pytest.raises(ValueError, match="save it as PNG or JPEG, and try again"):
        load_picture(data[: int(kept * len(data))])


DAMAGED = {format: file(noise().resize((12, 12)), format) for format in FORMATS}


@some_examples
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 2000),
)
def test_any_damage_gives_a_picture_or_a_clear_error(format, changes, length):
    data = bytearray(DAMAGED[format])
    for position, value in changes:
        data[position % len(data)] = value
    message, pixels = "", torch.zeros(3, 1, 1, dtype=torch.uint8)
    try:
        pixels = load_picture(bytes(data[: length or None]))
    except ValueError as error:
        message = str(error)
    assert not message or message.endswith("try again")
    assert pixels.dtype == torch.uint8
    assert pixels.shape[0] == 3


@some_examples
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_a_fitted_picture_has_the_size_asked_for_and_keeps_a_plain_colour(height, width, size):
    plain = torch.tensor(RED, dtype=torch.uint8).view(3, 1, 1).expand(3, height, width)
    assert torch.equal(fit(plain, size), torch.tensor(RED, dtype=torch.uint8).view(3, 1, 1).expand(3, size, size))


def test_fit_takes_the_middle_square():
    wide = torch.zeros(3, 10, 30, dtype=torch.uint8)
    wide[:, :, 10:20] = 255
    assert (fit(wide, 10) == 255).all()
    assert (fit(wide.transpose(1, 2), 10) == 255).all()


def test_fit_averages_fine_detail_instead_of_skipping_it():
    lines = (torch.arange(320) % 10 == 0) * 250
    small = fit(lines.byte().expand(3, 320, 320))
    assert small.shape == (3, PICTURE_SIZE, PICTURE_SIZE)
    inner = small[:, :, 1:-1].float()
    assert (inner - 25).abs().max() < 2, "each pixel is a tenth line, nine tenths ground"


@pytest.mark.parametrize(
    "wrong", [torch.zeros(3, 4, 4), torch.zeros(4, 4, 3, dtype=torch.uint8), torch.zeros(3, 0, 4, dtype=torch.uint8)]
)
def test_fit_says_which_tensor_it_needs(wrong):
    with pytest.raises(ValueError, match=r"uint8 \[3, height, width\]"):
        fit(wrong)
