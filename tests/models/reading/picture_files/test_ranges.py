"""Which numbers are black and white, by those that are used."""

from __future__ import annotations

import numpy as np
import pytest

from models.reading.picture_files import ranges
from models.reading.picture_files.ranges import Range, range_used, to_bytes, white_range


@pytest.mark.parametrize(
    ("used", "dtype", "white"),
    [
        ((0, 255), np.uint16, (0, 255)),
        ((300, 1001), np.uint16, (0, 1023)),
        ((0, 1024), np.uint16, (0, 4095)),
        ((0, 4095), np.uint16, (0, 4095)),
        ((0, 4096), np.uint16, (0, 16_383)),
        ((0, 16_384), np.uint16, (0, 65_535)),
        ((0, 65_535), ">u2", (0, 65_535)),
        ((0, 4000), np.int16, (0, 4095)),
        ((-1024, 3071), np.int16, (-1024, 3071)),
        ((0, 70_000), np.int64, (0, 70_000)),
        ((0.2, 0.9), np.float32, (0, 1)),
        ((-0.04, 1.04), np.float64, (0, 1)),
        ((-0.2, 1.0), np.float32, (-0.2, 1.0)),
        ((0.0, 1.2), np.float32, (0, 255)),
        ((0.0, 250.0), np.float16, (0, 255)),
        ((250.0, 310.0), np.float32, (250, 310)),
        ((3, 9), np.uint8, (0, 255)),
        ((0, 1), np.bool_, (0, 1)),
    ],
)
def test_white_is_found_by_what_is_used(
    used: tuple[float, float], dtype: type, white: tuple[float, float]
) -> None:
    assert white_range(Range(*used), dtype) == Range(*white)


def test_what_is_no_number_is_not_used() -> None:
    assert range_used(np.array([np.nan, 3.0, -np.inf, 7.0, np.inf])) == Range(3.0, 7.0)
    nothing = range_used(np.array([np.nan]))
    assert nothing.union(Range(2.0, 5.0)) == Range(2.0, 5.0)
    assert range_used(np.empty((0, 4, 4, 3), np.uint16)) == nothing
    assert white_range(nothing, np.float32) == Range(0.0, 1.0)


def test_one_range_for_two_pictures() -> None:
    dark, light = (np.full((4, 4), value, np.uint16) for value in (100, 3000))
    white = white_range(range_used(dark).union(range_used(light)), np.uint16)
    assert white == Range(0, 4095)
    assert [int(to_bytes(p, white)[0, 0]) for p in (dark, light)] == [6, 187]


@pytest.mark.parametrize("dtype", ["u2", ">u2", "i2", "i4", "i8", "f4", "f8"])
def test_every_type_is_scaled_alike(dtype: str) -> None:
    values = np.array([[0, 1, 2048, 4095]]).astype(dtype)
    out = to_bytes(values, Range(0, 4095))
    assert out.dtype == np.uint8 and out.tolist() == [[0, 0, 128, 255]]


def test_16_bits_are_divided_by_257() -> None:
    every = np.arange(65_536, dtype=np.uint16)
    assert np.array_equal(to_bytes(every, Range(0, 65_535)), np.rint(every / 257))


def test_bytes_stay_as_they_are() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    assert to_bytes(pixels, white_range(range_used(pixels), np.uint8)) is pixels
    assert to_bytes(pixels, Range(0, 51))[[0, 1, 51, 255]].tolist() == [0, 5, 255, 255]


def test_what_lies_outside_is_clipped_and_nan_is_black() -> None:
    values = np.array([-1.0, 0.0, 0.5, 2.0, np.nan, np.inf, -np.inf])
    assert to_bytes(values, Range(0.0, 1.0)).tolist() == [0, 0, 128, 255, 0, 255, 0]


def test_the_widest_and_the_narrowest_range() -> None:
    top = np.finfo(np.float64).max
    assert to_bytes(np.array([-top, 0.0, top]), Range(-top, top)).tolist() == [0, 128, 255]
    assert to_bytes(np.array([7.0, 7.0]), Range(7.0, 7.0)).tolist() == [0, 0]


def test_a_large_array_is_converted_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).uniform(0, 1, (37, 5, 3)).astype(np.float32)
    whole, used = to_bytes(values, Range(0, 1)), range_used(values)
    monkeypatch.setattr(ranges, "_ROWS_AT_ONCE", 40)
    assert np.array_equal(to_bytes(values, Range(0, 1)), whole)
    assert range_used(values) == used
