"""A head and its bodies come out as they went in, and what is none is told."""

from __future__ import annotations

import io

import pytest

from explorer.images.decoding.messages import receive, send


def test_a_message_comes_out_as_it_went_in() -> None:
    stream = io.BytesIO()
    send(stream, {"a": [1, "ü"]}, b"", b"\0xyz")
    send(stream, {})
    stream.seek(0)
    assert receive(stream) == ({"a": [1, "ü"]}, [b"", b"\0xyz"])
    assert receive(stream) == ({}, [])
    with pytest.raises(EOFError):
        receive(stream)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xff\xff\xff\xff", ValueError),
        (b"\2\0\0\0[]", Exception),
        (b'\x0f\0\0\0{"sizes": [-1]}', ValueError),
        (b'\x0e\0\0\0{"sizes": [5]}ab', EOFError),
        (b"\x02", EOFError),
    ],
)
def test_what_is_no_message_is_told(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        receive(io.BytesIO(data))
