"""A Qt resource, written here by hand: one folder with a plain and a compressed file."""

from __future__ import annotations

import struct
import zlib

import pytest

from models.reading.qt_resources import read_resource

PLAIN, PACKED = b"plain bytes", b"packed bytes " * 40


def resource(version: int = 3, packed: bytes | None = None, flags: int = 1) -> bytes:
    """The tree: root → "a" → "plain.webp" and "packed.webp"."""
    if packed is None:
        packed = struct.pack(">I", len(PACKED)) + zlib.compress(PACKED)
    data = struct.pack(">I", len(PLAIN)) + PLAIN + struct.pack(">I", len(packed)) + packed
    names, offsets = b"", {}
    for name in ("a", "plain.webp", "packed.webp"):
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    late = b"" if version == 1 else bytes(8)  # the time a file was changed
    tree = struct.pack(">IHII", 0, 2, 1, 1) + late
    tree += struct.pack(">IHII", offsets["a"], 2, 2, 2) + late
    tree += struct.pack(">IHHHI", offsets["plain.webp"], 0, 0, 0, 0) + late
    tree += struct.pack(">IHHHI", offsets["packed.webp"], flags, 0, 0, 4 + len(PLAIN)) + late
    header = b"qres" + struct.pack(">IIII", version, 20, 20 + len(tree), 20 + len(tree) + len(data))
    return header + tree + data + names


@pytest.mark.parametrize("version", [1, 2])
def test_plain_and_compressed_files(version: int) -> None:
    assert read_resource(resource(version), "a/plain.webp") == PLAIN
    assert read_resource(resource(version), "a/packed.webp") == PACKED


@pytest.mark.parametrize("name", ["b/plain.webp", "a/other.webp", "plain.webp", "a/plain.webp/x"])
def test_a_name_that_is_not_there(name: str) -> None:
    with pytest.raises(KeyError):
        read_resource(resource(), name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\3\4 and so on",
        b"qres\0\0",
        resource()[:60],
        resource(packed=struct.pack(">I", 5) + b"no zlib stream"),
        resource(packed=struct.pack(">I", 5) + zlib.compress(PACKED)),
        resource(flags=4),
    ],
)
def test_damaged_resources(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Qt resource|damaged|zstd"):
        read_resource(data, "a/packed.webp")


def test_a_folder_is_no_file() -> None:
    with pytest.raises(ValueError, match="folder"):
        read_resource(resource(), "a")
