"""The colour space that a picture names by numbers, written as the profile that it could have held.

A PNG without an embedded profile may say cICP (code points of ITU-T H.273, as a HEIF may), or gAMA
and cHRM (the exponent and the chromaticities of its primaries). Both become an ICC profile of
matrix and curve, so that `models.reading.picture_files.profiles` is the only place that converts.

Sources: PNG, third edition, 4.3 (which chunk goes first), 11.3.2; ICC.1:2022, 7.2, 10.18.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

# x and y of white, red, green and blue.
_BT_709 = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_SPACES = {
    1: ("BT.709", _BT_709),
    9: ("BT.2020", (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    12: ("Display P3", (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
}
# Exponent g, then a, b, c, d of Y = (aX + b)^g where X >= d, else cX.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT_709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES = {1: _BT_709_CURVE, 6: _BT_709_CURVE, 14: _BT_709_CURVE, 15: _BT_709_CURVE}
_CURVES |= {4: (2.2,), 5: (2.8,), 8: (1.0,), 13: _SRGB_CURVE}
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_USUAL_GAMMA, _SLACK = 1 / 2.2, 0.005


def png_profile(data: bytes, info: Mapping[Any, Any]) -> bytes | None:
    """The bytes of a profile for what a PNG says of its colours in chunks of numbers.

    Args:
        data: The file.
        info: What Pillow took from its header; an embedded profile there goes before gAMA.

    Returns:
        None where it says nothing, sRGB, or a space that is not known here.
    """
    points = _chunk(data, b"cICP")
    if points is not None and len(points) == 4 and points[2] == 0:
        named = profile_of_points(points[0], points[1])
        if named is not None:
            return named
    gamma = info.get("gamma")
    if "icc_profile" in info or "srgb" in info or not isinstance(gamma, float):
        return None
    if not 0.05 <= gamma <= 20:
        return None
    is_usual = abs(gamma - _USUAL_GAMMA) < _SLACK  # 1 / 2.2 is said where sRGB is meant
    curve = _SRGB_CURVE if is_usual else (1 / gamma,)
    chromaticities = info.get("chromaticity")
    primaries = chromaticities if isinstance(chromaticities, tuple) else _BT_709
    return _profile(f"gamma {gamma:.4g}", primaries, curve)


def profile_of_points(primaries: int, transfer: int) -> bytes | None:
    """The bytes of a profile for two code points of ITU-T H.273; None for one not known here."""
    space, curve = _SPACES.get(primaries), _CURVES.get(transfer)
    return _profile(space[0], space[1], curve) if space and curve else None


def _chunk(data: bytes, kind: bytes) -> bytes | None:
    """The body of a chunk that stands before the pixels."""
    place = 8
    while place + 8 <= len(data):
        length, found = struct.unpack_from(">L4s", data, place)
        if found == kind:
            return data[place + 8 : place + 8 + length]
        if found in (b"IDAT", b"IEND"):
            return None
        place += 12 + length
    return None


def _profile(name: str, primaries: Iterable[float], curve: tuple[float, ...]) -> bytes | None:
    columns = _colorants(np.array(tuple(primaries), float))
    if columns is None:
        return None
    text = name.encode("utf-16-be")
    trc = struct.pack(">4s4xH2x", b"para", 0 if len(curve) == 1 else 3) + _fixed(curve)
    parts = {
        b"desc": struct.pack(">4s4xLL4sLL", b"mluc", 1, 12, b"enUS", len(text), 28) + text,
        b"wtpt": _xyz(_D50),
        **{
            tag: _xyz(column)
            for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc),
    }
    table, body = struct.pack(">L", len(parts)), b""
    start = 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        table += struct.pack(">4sLL", tag, start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    head = struct.pack(">L4xL4s4s4s", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp"
    return head.ljust(68, b"\0") + _fixed(_D50) + bytes(48) + table + body


def _colorants(places: np.ndarray) -> np.ndarray | None:
    """XYZ of red, green and blue as columns, adapted to D50; None for no colour space."""
    if places.shape != (8,) or not np.isfinite(places).all() or (places[1::2] <= 0).any():
        return None
    x, y = places[::2], places[1::2]
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white, matrix = xyz[:, 0], xyz[:, 1:]
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    matrix = matrix * np.linalg.solve(matrix, white)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ (scale[:, None] * (_BRADFORD @ matrix))


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _fixed(values: Iterable[float]) -> bytes:
    """Numbers as ICC's s15Fixed16."""
    clipped = np.clip(np.array(tuple(values)), -32_768, 32_767)
    return (clipped * 65_536).round().astype(">i4").tobytes()
