"""Every bit of a deep picture is read, however it lies in the file."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from models.errors import BadInput
from models.reading.picture_files.ranges import Range
from models.reading.pictures import open_first, open_frames
from tests.models.deep_samples import Order, png_of, tiff
from tests.models.picture_samples import png_chunk

RNG = np.random.default_rng(0)
CAMERA = RNG.integers(0, 4096, (9, 7, 3)).astype(np.uint16)
CAMERA[0, 0] = 4095


def only_frame(data: bytes) -> np.ndarray:
    [frame] = open_frames(data)
    return frame.pixels


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_16_bits_of_a_tiff(order: Order, planar: bool, channels: int) -> None:
    pixels = CAMERA[..., :channels]
    seen = only_frame(tiff(pixels, order=order, planar=planar))
    assert seen.dtype == np.uint16 and np.array_equal(seen, pixels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u2", "i2", "i4", "f4"])
@pytest.mark.parametrize("packed", [False, True])
def test_numbers_of_every_type_and_order(order: Order, dtype: str, packed: bool) -> None:
    pixels = CAMERA[..., :1].astype(dtype)
    seen = only_frame(tiff(pixels, order=order, packed=packed))
    assert seen.dtype == (np.float32 if dtype == "f4" else np.uint16)
    assert np.array_equal(seen, pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_packed_colours(order: Order) -> None:
    assert np.array_equal(only_frame(tiff(CAMERA, order=order, packed=True)), CAMERA)


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_below_zero(packed: bool) -> None:
    pixels = CAMERA[..., :1].astype(np.int16) - 50
    seen = only_frame(tiff(pixels, packed=packed))
    assert seen.dtype == np.float32 and np.array_equal(seen, pixels)


def test_unsigned_numbers_of_32_bits() -> None:
    pixels = np.array([[[7], [2**32 - 256]]], np.uint32)
    assert only_frame(tiff(pixels)).ravel().tolist() == [7, 2**32 - 256]


@pytest.mark.parametrize("packed", [False, True])
def test_white_that_is_zero(packed: bool) -> None:
    pixels = np.array([[[0], [4095], [95]]], np.uint16)
    data = tiff(pixels, packed=packed, tags={262: (0,)})
    assert only_frame(data).ravel().tolist() == [4095, 0, 4000]


@pytest.mark.parametrize("channels", [1, 3])
def test_all_16_bits_of_a_png(channels: int) -> None:
    assert np.array_equal(only_frame(png_of(CAMERA[..., :channels])), CAMERA[..., :channels])


def test_all_16_bits_of_a_ppm() -> None:
    data = b"P6\n7 9 65535\n" + CAMERA.astype(">u2").tobytes()
    assert np.array_equal(only_frame(data), CAMERA)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_camera_of_few_bits_is_not_black(kind: str, bits: int) -> None:
    pixels = (CAMERA.astype(int) * (2**bits - 1) // 4095).astype(np.uint16)
    data = {"PNG": png_of, "TIFF": tiff, "PPM": _ppm}[kind](pixels)
    opened = open_first(data)
    assert opened.scale == Range(0, 2**bits - 1)
    expected = np.rint(pixels.astype(float) * 255 / (2**bits - 1))
    assert np.array_equal(np.asarray(opened.image), expected)


def _ppm(pixels: np.ndarray) -> bytes:
    return b"P6\n7 9 65535\n" + pixels.astype(">u2").tobytes()


def test_a_ppm_that_names_its_white_is_read_by_it() -> None:
    opened = open_first(b"P5 2 1 1023\n" + struct.pack(">2H", 3, 1023))
    assert np.asarray(opened.image).tolist() == [[1, 255]] and opened.scale is None


# Pillow reads no TIFF of grey and alpha in 16 bits, and a PNG is never premultiplied.
@pytest.mark.parametrize(
    ("kind", "channels", "premultiplied"),
    [("PNG", 1, False), ("PNG", 3, False), ("TIFF", 3, False), ("TIFF", 3, True)],
)
def test_alpha_of_16_bits_lies_over_the_white_that_is_used(
    kind: str, channels: int, premultiplied: bool
) -> None:
    pixels = CAMERA[..., :channels].copy()
    alpha = RNG.integers(0, 65_536, (9, 7, 1)).astype(np.uint16)
    alpha[0] = 65_535
    alpha[1], pixels[1] = 0, 65_535  # what nobody sees does not count
    share = alpha / 65_535
    expected = np.rint(pixels * share + 4095 * (1 - share))
    stored = np.rint(pixels * share).astype(np.uint16) if premultiplied else pixels
    whole = np.concatenate([stored, alpha], axis=2)
    data = png_of(whole) if kind == "PNG" else tiff(whole, tags={338: (2 - premultiplied,)})
    assert np.abs(only_frame(data).astype(int) - expected).max() <= premultiplied


@pytest.mark.parametrize("alpha", [False, True])
def test_planes_that_cannot_be_had_are_refused(alpha: bool) -> None:
    pixels = np.concatenate([CAMERA, CAMERA[..., :1]], axis=2) if alpha else CAMERA
    tags: dict[int, tuple[int, ...] | bytes] = {338: (2,)} if alpha else {}
    with pytest.raises(BadInput, match=r"^x\.tif is a TIFF of separate 16-bit colour planes"):
        open_first(tiff(pixels, planar=True, packed=not alpha, tags=tags), "x.tif")
    light = tiff(CAMERA * 16, planar=True, packed=True)
    assert np.array_equal(np.asarray(open_first(light).image), CAMERA >> 4)


def test_an_animation_of_16_bits_is_composed_in_8() -> None:
    first, second = (CAMERA * 16, CAMERA[::-1] * 16)
    control = struct.pack(">LLLLHHBB", 7, 9, 0, 0, 1, 1, 0, 0)
    start = [(b"acTL", struct.pack(">LL", 2, 0)), (b"fcTL", struct.pack(">L", 0) + control)]
    data = png_of(first, *start)
    other = png_of(second)
    place = other.index(b"IDAT")
    rows = other[place + 4 : place + 4 + struct.unpack(">L", other[place - 4 : place])[0]]
    more = png_chunk(b"fcTL", struct.pack(">L", 1) + control)
    more += png_chunk(b"fdAT", struct.pack(">L", 2) + rows)
    shown = [frame.pixels for frame in open_frames(data[:-12] + more + data[-12:])]
    assert [pixels.dtype for pixels in shown] == [np.uint8, np.uint8]
    assert np.array_equal(shown, np.stack([first, second]) >> 8)


def test_a_key_of_16_bits_is_exact() -> None:
    """And what nobody sees does not count as used."""
    pixels = np.array([[[50_000, 2, 3], [1000, 2, 4]]], np.uint16)
    seen = only_frame(png_of(pixels, (b"tRNS", struct.pack(">3H", 50_000, 2, 3))))
    assert seen.tolist() == [[[1023] * 3, [1000, 2, 4]]]


def test_turned_deep_pictures() -> None:
    exif = struct.pack("<2sHLHHHLHxxL", b"II", 42, 8, 1, 0x0112, 3, 1, 6, 0)
    for data in (png_of(CAMERA, (b"eXIf", exif)), tiff(CAMERA, tags={0x0112: (6,)})):
        assert np.array_equal(only_frame(data), np.rot90(CAMERA, 3))


def test_a_deep_file_that_is_cut_off() -> None:
    for whole in (png_of(CAMERA), tiff(CAMERA), _ppm(CAMERA)):
        with pytest.raises(BadInput, match="cut off or damaged"):
            open_first(whole[: len(whole) // 2], "x")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_random_damage_gives_a_picture_or_bad_input(kind: str) -> None:
    rng = np.random.default_rng(5)
    whole = png_of(CAMERA) if kind == "PNG" else tiff(CAMERA, packed=True)
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        try:
            for frame in open_frames(bytes(data), "x"):
                assert frame.pixels.dtype in (np.uint8, np.uint16, np.float32)
        except BadInput as error:
            assert "x " in str(error)
