"""A PNG remembers how it came about, and a stranger's PNG does no harm."""

from __future__ import annotations

import base64
import io
import json
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from explorer.images.png_state import (
    MAX_JSON_BYTES,
    encode_png,
    read_state,
    save_png,
    visible_scale,
)
from models.errors import BadInput
from models.reading.pictures import open_picture

RECIPE = json.dumps({"version": 1, "model": "ab12", "edits": [[2, "component", 0, -1.5]]})
REF = json.dumps({"kind": "upload", "key": "f" * 32, "name": "Zoë → 図.png"}, ensure_ascii=False)


def noise(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def saved(shape: tuple[int, int, int] = (28, 28, 1), scale: int = 3) -> bytes:
    return save_png(noise(shape), RECIPE, REF, encode_png(noise(shape, 1)), scale)


@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3), (64, 32, 3), (256, 256, 3), (1, 1, 1)])
@pytest.mark.parametrize("scale", [1, 4])
def test_the_state_comes_back_bit_for_bit(shape: tuple[int, int, int], scale: int) -> None:
    state = read_state(saved(shape, scale))
    assert state is not None
    assert (state.recipe_json, state.ref_json) == (RECIPE, REF)
    assert state.source.dtype == np.uint8
    assert np.array_equal(state.source, noise(shape, 1))


@pytest.mark.parametrize("shape", [(28, 28, 1), (16, 8, 3)])
def test_the_picture_is_the_pixels_each_a_square(shape: tuple[int, int, int]) -> None:
    image = open_picture(saved(shape, 5))
    assert image.size == (shape[1] * 5, shape[0] * 5)
    pixels = np.asarray(image).reshape(shape[0] * 5, shape[1] * 5, shape[2])
    for dy, dx in ((0, 0), (2, 3), (4, 4)):
        assert np.array_equal(pixels[dy::5, dx::5], noise(shape))


def test_any_viewer_opens_the_picture() -> None:
    with Image.open(io.BytesIO(saved((64, 64, 3), 8))) as image:
        image.load()
        assert (image.format, image.size, image.mode) == ("PNG", (512, 512), "RGB")
        assert image.info["strata:recipe"] == RECIPE


@pytest.mark.parametrize(
    ("size", "scale"),
    [((28, 28), 18), ((64, 64), 8), ((64, 32), 8), ((512, 512), 1), ((900, 9), 1)],
)
def test_the_visible_scale(size: tuple[int, int], scale: int) -> None:
    assert visible_scale(*size) == scale


def test_an_ordinary_picture_has_no_state() -> None:
    info = PngInfo()
    info.add_text("Author", "someone")
    info.add_itxt("strata", "no key of ours", zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
    assert read_state(buffer.getvalue()) is None
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "JPEG")
    assert read_state(buffer.getvalue()) is None
    assert read_state(b"") is None
    assert read_state(b"\x89PNG\r\n\x1a\n") is None
    assert read_state(encode_png(noise((8, 8, 3)))) is None


def test_a_copy_that_lost_its_text_has_no_state() -> None:
    buffer = io.BytesIO()
    open_picture(saved()).save(buffer, "PNG")
    assert read_state(buffer.getvalue()) is None


@pytest.mark.parametrize("bad", [0, -1, 10_000])
def test_a_scale_out_of_range_is_a_mistake_of_ours(bad: int) -> None:
    with pytest.raises(ValueError, match="scale"):
        save_png(noise((8, 8, 1)), "{}", "{}", encode_png(noise((8, 8, 1))), bad)


def test_what_would_not_be_read_is_not_written() -> None:
    with pytest.raises(ValueError, match="too large"):
        save_png(noise((2, 2, 1)), "x" * (MAX_JSON_BYTES + 1), "{}", b"", 1)
    with pytest.raises(ValueError, match="uint8"):
        encode_png(np.zeros((4, 4, 3)))


# --- by hand -----------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def itxt(key: str, text: bytes, packed: bool = False) -> bytes:
    body = zlib.compress(text) if packed else text
    return chunk(b"iTXt", key.encode() + bytes([0, packed, 0, 0, 0]) + body)


def source(pixels: np.ndarray | None = None) -> bytes:
    return base64.b64encode(encode_png(noise((4, 4, 3), 1) if pixels is None else pixels))


def with_chunks(*chunks: bytes, at_end: bool = False) -> bytes:
    plain = encode_png(noise((4, 4, 3)))
    place = len(plain) - 12 if at_end else 33
    return plain[:place] + b"".join(chunks) + plain[place:]


GOOD = {
    "recipe": itxt("strata:recipe", b"{}"),
    "ref": itxt("strata:ref", b"{}", packed=True),
    "source": itxt("strata:source", source()),
}


def replaced(name: str, *chunks: bytes) -> bytes:
    return with_chunks(*(c for key, c in GOOD.items() if key != name), *chunks)


@pytest.mark.parametrize("at_end", [False, True])
def test_chunks_by_hand_are_read_wherever_they_stand(at_end: bool) -> None:
    state = read_state(with_chunks(*GOOD.values(), at_end=at_end))
    assert state is not None and state.recipe_json == "{}"
    assert np.array_equal(state.source, noise((4, 4, 3), 1))


@pytest.mark.parametrize(
    "recipe",
    [
        chunk(b"tEXt", b"strata:recipe\0{}"),
        chunk(b"zTXt", b"strata:recipe\0\0" + zlib.compress(b"{}")),
        itxt("strata:recipe", b"{}", packed=True),
    ],
)
def test_any_kind_of_text_chunk_is_read(recipe: bytes) -> None:
    state = read_state(replaced("recipe", recipe))
    assert state is not None and state.recipe_json == "{}"


def _bad_check(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


BOMB = b" " * (64 * 2**20)
BROKEN: dict[str, tuple[bytes, str]] = {
    "no recipe": (replaced("recipe"), "lacks strata:recipe"),
    "no ref": (replaced("ref"), "lacks strata:ref"),
    "no source": (replaced("source"), "lacks strata:source"),
    "twice": (with_chunks(*GOOD.values(), GOOD["ref"]), "strata:ref twice"),
    "checksum": (replaced("ref", _bad_check(GOOD["ref"])), "is damaged"),
    "cut off": (with_chunks(*GOOD.values())[: 33 + len(GOOD["recipe"]) + 30], "is damaged"),
    "bomb in iTXt": (replaced("ref", itxt("strata:ref", BOMB, packed=True)), "too large"),
    "bomb in zTXt": (
        replaced("ref", chunk(b"zTXt", b"strata:ref\0\0" + zlib.compress(BOMB))),
        "too large",
    ),
    "long text": (replaced("ref", itxt("strata:ref", bytes(2**20))), "too large"),
    "bad zlib": (replaced("ref", chunk(b"zTXt", b"strata:ref\0\0nonsense")), "is damaged"),
    "cut zlib": (
        replaced("ref", chunk(b"zTXt", b"strata:ref\0\0" + zlib.compress(b'{"a":1}')[:-6])),
        "is damaged",
    ),
    "method": (
        replaced("ref", chunk(b"zTXt", b"strata:ref\0\7" + zlib.compress(b"{}"))),
        "is damaged",
    ),
    "no header": (replaced("ref", chunk(b"iTXt", b"strata:ref\0")), "is damaged"),
    "no null": (replaced("ref", chunk(b"tEXt", b"strata:ref")), "is damaged"),
    "not UTF-8": (replaced("ref", itxt("strata:ref", b"\xff\xfe")), "is damaged"),
    "no JSON": (replaced("recipe", itxt("strata:recipe", b"{")), "strata:recipe that is no JSON"),
    "no object": (replaced("recipe", itxt("strata:recipe", b"[1]")), "no JSON object"),
    "deep JSON": (replaced("recipe", itxt("strata:recipe", b"[" * 200_000)), "no JSON"),
    "no base64": (replaced("source", itxt("strata:source", b"%%%%")), "no base64"),
    "no PNG": (
        replaced("source", itxt("strata:source", base64.b64encode(b"GIF89a" + bytes(50)))),
        "no PNG",
    ),
    "cut PNG": (
        replaced(
            "source", itxt("strata:source", base64.b64encode(encode_png(noise((9, 9, 3)))[:60]))
        ),
        "source in this PNG is cut off",
    ),
    "large source": (
        replaced("source", itxt("strata:source", source(np.zeros((1025, 1, 1), np.uint8)))),
        "source that is too large",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_state_is_bad_input(case: str) -> None:
    data, reason = BROKEN[case]
    start = time.perf_counter()
    with pytest.raises(BadInput, match=reason) as caught:
        read_state(data)
    assert " - " in str(caught.value)
    assert time.perf_counter() - start < 2, "a bomb is not unpacked"


def test_random_damage_restores_or_refuses_and_never_crashes() -> None:
    rng = np.random.default_rng(4)
    whole, outcomes = saved(), set()
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(8, len(data), 3):
            data[place] = rng.integers(256)
        try:
            state = read_state(bytes(data))
        except BadInput:
            outcomes.add("refused")
            continue
        outcomes.add("none" if state is None else "whole")
        if state is not None:  # the checksums let nothing through that was changed
            assert (state.recipe_json, state.ref_json) == (RECIPE, REF)
            assert np.array_equal(state.source, noise((28, 28, 1), 1))
    assert {"refused", "whole"} <= outcomes


def test_a_file_of_nothing_but_chunks_ends() -> None:
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"") * 500_000
    start = time.perf_counter()
    assert read_state(data) is None
    assert time.perf_counter() - start < 2
