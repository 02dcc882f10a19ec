"""What goes between the server and a process that decodes: a head of JSON, then plain bytes.

No pickle, since one would run in the server whatever a file made of the process that read it.

    length of the head (4 bytes, little-endian), head, body, body, ...
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<L")
_MOST_HEAD = 2 * 2**20
_MOST_BODY = 2**30

Head = dict[str, Any]


def send(stream: BinaryIO, head: Head, *bodies: bytes) -> None:
    """Write one message."""
    text = json.dumps({**head, "sizes": [len(body) for body in bodies]}).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for body in bodies:
        stream.write(body)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[Head, list[bytes]]:
    """Read one message.

    Raises:
        EOFError: The other side is gone.
        ValueError: It is no message.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size, _LENGTH.size))
    head = json.loads(_exactly(stream, length, _MOST_HEAD))
    return head, [_exactly(stream, size, _MOST_BODY) for size in head.pop("sizes")]


def _exactly(stream: BinaryIO, size: int, most: int) -> bytes:
    if not 0 <= size <= most:
        raise ValueError(f"a part of {size} bytes")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
