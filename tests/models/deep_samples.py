"""Picture files of more than 8 bits and of other colour spaces, written by hand."""

from __future__ import annotations

import struct
import zlib
from typing import Literal

import numpy as np

from tests.models.picture_samples import png

Order = Literal["<", ">"]  # of bytes: little or big endian first

_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_FORMATS = {"u": 1, "i": 2, "f": 3}

# x and y of white, red, green and blue.
DISPLAY_P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE_RGB = (0.3127, 0.3290, 0.640, 0.330, 0.210, 0.710, 0.150, 0.060)
PROPHOTO = (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
SRGB = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def png_of(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of uint8 or uint16 `(H, W, C)`, with the four filters that look at neighbours."""
    height, width, channels = pixels.shape
    depth, wide = 8 * pixels.itemsize, channels * pixels.itemsize
    raw = np.frombuffer(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes(), np.uint8)
    rows = raw.reshape(height, -1).astype(int)
    out = b""
    for y in range(height):
        left = np.concatenate([np.zeros(wide, int), rows[y][:-wide]])
        above = rows[y - 1] if y else np.zeros_like(rows[y])
        kind = y % 4  # none, sub, up, average
        guess = (0 * left, left, above, (left + above) // 2)[kind]
        out += bytes([kind]) + (rows[y] - guess).astype(np.uint8).tobytes()
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    return png((width, height, depth, kind), out, *chunks)


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"p\0\0" + zlib.compress(profile)


def tiff(
    *pages: np.ndarray,
    order: Order = "<",
    packed: bool = False,
    planar: bool = False,
    tags: dict[int, tuple[int, ...] | bytes] | None = None,
    first: dict[int, tuple[int, ...] | bytes] | None = None,
    later: dict[int, tuple[int, ...] | bytes] | None = None,
) -> bytes:
    """A TIFF of pages `(H, W, C)`, one strip a page or a plane.

    Args:
        order: "<" or ">".
        packed: Whether the strips are deflated.
        planar: Whether the colours lie in planes.
        tags: Values by tag, of every page; `first` of the first one, `later` of the others.
    """
    body, links = b"", []
    for number, page in enumerate(pages):
        parts = np.moveaxis(page, 2, 0) if planar else [page]
        strips = [part.astype(page.dtype.newbyteorder(order)).tobytes() for part in parts]
        strips = [zlib.compress(strip) if packed else strip for strip in strips]
        starts = tuple(8 + len(body) + sum(map(len, strips[:n])) for n in range(len(strips)))
        body += b"".join(strips)
        own = (first if number == 0 else later) or {}
        values = _page_tags(page, packed, planar) | (tags or {}) | own
        values |= {273: starts, 279: tuple(map(len, strips))}
        body, entries = _entries(body, values, order)
        links.append((8 + len(body), len(entries)))
        body += struct.pack(order + "H", len(values)) + entries + bytes(4)
    whole = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HL", 42, 0) + body)
    gaps = [4, *(start + 2 + size for start, size in links)]
    for gap, (start, _) in zip(gaps, links, strict=False):
        whole[gap : gap + 4] = struct.pack(order + "L", start)
    return bytes(whole)


def _page_tags(page: np.ndarray, packed: bool, planar: bool) -> dict[int, tuple[int, ...] | bytes]:
    height, width, channels = page.shape
    facts = {256: width, 257: height, 259: 8 if packed else 1, 262: 1 if channels < 3 else 2}
    facts |= {277: channels, 278: height, 284: 2 if planar else 1}
    depth, kind = (8 * page.itemsize,) * channels, (_FORMATS[page.dtype.kind],) * channels
    return {**{tag: (fact,) for tag, fact in facts.items()}, 258: depth, 339: kind}


def _entries(
    body: bytes, values: dict[int, tuple[int, ...] | bytes], order: str
) -> tuple[bytes, bytes]:
    """The body with what is too long for an entry, and the entries."""
    entries = b""
    for tag, value in sorted(values.items()):
        if isinstance(value, bytes):
            kind, data = _UNDEFINED, value
        else:
            kind = _LONG if tag in (273, 279) else _SHORT
            data = struct.pack(f"{order}{len(value)}{'L' if kind == _LONG else 'H'}", *value)
        if len(data) > 4:
            body, place = body + data, 8 + len(body)
            data = struct.pack(order + "L", place)
        entries += struct.pack(order + "HHL", tag, kind, len(value)) + data.ljust(4, b"\0")
    return body, entries


def xyz_of(primaries: tuple[float, ...]) -> np.ndarray:
    """XYZ under D50 of red, green and blue, as columns."""
    x, y = np.array(primaries[::2]), np.array(primaries[1::2])
    every = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    matrix = every[:, 1:] * np.linalg.solve(every[:, 1:], every[:, 0])
    cones = (BRADFORD @ D50) / (BRADFORD @ every[:, 0])
    return np.linalg.inv(BRADFORD) @ np.diag(cones) @ BRADFORD @ matrix


def rgb_profile(primaries: tuple[float, ...], gamma: float, name: str = "wide") -> bytes:
    """An ICC profile (version 2) of three primaries and one exponent."""
    colorants = zip((b"rXYZ", b"gXYZ", b"bXYZ"), xyz_of(primaries).T, strict=True)
    curve = _curve(gamma)
    tags = {tag: _xyz(column) for tag, column in colorants}
    return _icc(b"RGB ", b"XYZ ", name, tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def grey_profile(gamma: float, name: str = "grey") -> bytes:
    return _icc(b"GRAY", b"XYZ ", name, {b"kTRC": _curve(gamma)})


def cmyk_profile(corners: np.ndarray, name: str = "inks") -> bytes:
    """A profile of inks: L*a*b* `(2, 2, 2, 2, 3)` where each of C, M, Y, K is 0 or full."""
    ramp = bytes(range(256))
    scaled = corners * [2.55, 1, 1] + [0, 128, 128]
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    table += struct.pack(">9l", *(np.eye(3) * 65_536).astype(int).ravel())
    table += 4 * ramp + scaled.round().astype(np.uint8).tobytes() + 3 * ramp
    return _icc(b"CMYK", b"Lab ", name, {b"A2B0": table}, b"prtr")


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">LHxx", 1, round(gamma * 256))


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + (values * 65_536).round().astype(">i4").tobytes()


def _icc(
    space: bytes, connection: bytes, name: str, tags: dict[bytes, bytes], kind: bytes = b"mntr"
) -> bytes:
    text = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">L", len(text)) + text + bytes(78)
    tags = {b"desc": described, b"wtpt": _xyz(D50), **tags}
    start = 132 + 12 * len(tags)
    table, body = struct.pack(">L", len(tags)), b""
    for tag, part in tags.items():
        table += struct.pack(">4sLL", tag, start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    head = struct.pack(
        ">L4xL4s4s4s12x4s", start + len(body), 0x02100000, kind, space, connection, b"acsp"
    )
    return head.ljust(68, b"\0") + _xyz(D50)[8:] + bytes(48) + table + body


def srgb_of_xyz(xyz: np.ndarray) -> np.ndarray:
    """What sRGB shows of XYZ under D50, `(..., 3)`, of 255."""
    linear = np.clip(xyz @ np.linalg.inv(xyz_of(SRGB)).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_of(rgb: tuple[int, ...], primaries: tuple[float, ...], gamma: float) -> np.ndarray:
    """What sRGB shows of 8-bit colours of another space."""
    return srgb_of_xyz((np.array(rgb) / 255) ** gamma @ xyz_of(primaries).T)


def xyz_of_lab(lab: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* under D50, `(..., 3)`."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    return D50 * np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2)
