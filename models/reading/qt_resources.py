"""Files inside a Qt binary resource (`.rcc`), the format of Qt's `rcc --binary`, version 1 to 3.

    header   "qres", version, offsets of tree, data and names; 32-bit, big-endian
    node     name offset, flags, then a folder's (count, first child) or a file's (…, data offset)
    name     length, hash, UTF-16
    data     length, bytes; zlib's after a length of its own where flag 1 is set

GCompris ships its photographs so. Read only; every offset is checked by the slice it takes.
"""

from __future__ import annotations

import struct
import zlib

_COMPRESSED, _FOLDER, _ZSTD = 1, 2, 4
_MAX_BYTES = 64 * 1024**2


def read_resource(data: bytes, name: str) -> bytes:
    """The file `name`, such as "gcompris/src/cat.webp", of a resource.

    Raises:
        KeyError: There is no such file.
        ValueError: The resource is damaged, or of a kind that is not read here.
    """
    if data[:4] != b"qres":
        raise ValueError("no Qt resource")
    try:
        version, tree, start, names = struct.unpack_from(">4I", data, 4)
        size = 14 if version == 1 else 22
        node = tree
        for part in name.split("/"):
            flags, count, first = struct.unpack_from(">HII", data, node + 4)
            children = range(count) if flags & _FOLDER else range(0)
            found = (tree + size * (first + child) for child in children)
            node = next((at for at in found if _name(data, at, names) == part), -1)
            if node < 0:
                raise KeyError(name)
        flags, offset = struct.unpack_from(">H4xI", data, node + 4)
        return _content(data, start + offset, flags)
    except (struct.error, zlib.error, UnicodeDecodeError) as error:
        raise ValueError("a damaged Qt resource") from error


def _name(data: bytes, node: int, names: int) -> str:
    at = names + struct.unpack_from(">I", data, node)[0]
    length = struct.unpack_from(">H", data, at)[0]
    return data[at + 6 : at + 6 + 2 * length].decode("utf-16-be")


def _content(data: bytes, at: int, flags: int) -> bytes:
    length = struct.unpack_from(">I", data, at)[0]
    content = data[at + 4 : at + 4 + length]
    if flags & (_FOLDER | _ZSTD) or len(content) < length:
        raise ValueError("a folder, a zstd stream, or cut short")
    if not flags & _COMPRESSED:
        return content
    unpacked = zlib.decompressobj().decompress(content[4:], _MAX_BYTES)
    if len(unpacked) != struct.unpack_from(">I", content, 0)[0]:
        raise ValueError("a damaged stream")
    return unpacked
