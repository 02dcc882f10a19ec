"""Real processes decode: the same bits, within limits, and a slow file holds up nobody else."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.guard.turns import asking
from explorer.images.decoding.caps import Limits
from explorer.images.decoding.parent import Decoder, Gone
from explorer.images.decoding.pool import MOST_OF_SESSION, Decoders
from explorer.images.decoding.reading import Read, read
from explorer.images.png_state import encode_png, save_png
from models.errors import BadInput
from tests.models.picture_samples import halves, saved

SHORT = Limits(cpu_s=1)
SLOW = b"P3 1200 1200 255\n" + b"7 " * (3 * 1200 * 1200)  # seconds of the processor
FORMS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF", "HEIF")


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """With limits that a small file keeps."""
    running = Decoders()
    yield running
    running.close()


@pytest.fixture(scope="module")
def strict() -> Iterator[Decoders]:
    running = Decoders(most=2, limits=SHORT)
    yield running
    running.close()


def got(decoders: Decoders, data: bytes, name: str = "holiday.png", session: str = "") -> Read:
    async def ask() -> Read:
        with asking(session):
            return await decoders.read(data, name)

    return asyncio.run(ask())


@pytest.mark.parametrize("form", FORMS)
def test_the_result_is_that_of_the_same_code_here_bit_for_bit(
    decoders: Decoders, form: str
) -> None:
    data = saved(halves(1500, 40).resize((1500, 900)), form)
    here, there = read(data, "holiday.png"), got(decoders, data)
    assert there.upload.image.mode == here.upload.image.mode
    assert there.upload.image.tobytes() == here.upload.image.tobytes()
    for field in ("key", "name", "width", "height", "remarks"):
        assert getattr(there.upload, field) == getattr(here.upload, field)
    assert there.state is None and there.refused is None


def test_the_state_of_a_saved_picture_comes_along(decoders: Decoders) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    data = save_png(pixels, '{"a": 1}', '{"b": 2}', encode_png(pixels), 4)
    state = got(decoders, data).state
    assert state is not None and (state.recipe_json, state.ref_json) == ('{"a": 1}', '{"b": 2}')
    assert np.array_equal(state.source, pixels)
    broken = save_png(pixels, "[1]", '{"b": 2}', encode_png(pixels), 4)
    assert "saved state" in str(got(decoders, broken).refused)


@pytest.mark.parametrize("data", [b"", b"to do: buy milk", saved(halves(), "PNG")[:40]])
def test_what_is_no_picture_is_said_as_ever(decoders: Decoders, data: bytes) -> None:
    with pytest.raises(BadInput) as here:
        read(data, "notes.txt")
    with pytest.raises(BadInput) as there:
        got(decoders, data, "notes.txt")
    assert str(there.value) == str(here.value)


def test_a_file_over_its_time_ends_its_process_and_the_next_one_is_read(strict: Decoders) -> None:
    with pytest.raises(BadInput, match=r"slow\.ppm, a PPM in plain text of 1,200 .* after 1 s"):
        got(strict, SLOW, "slow.ppm")
    assert got(strict, saved(halves(), "PNG")).upload.width == 16


def test_the_clock_has_an_end_too() -> None:
    """For systems that cannot count the processor's time, and files that wait for something."""
    decoders = Decoders(limits=Limits(clock_s=0.3))
    try:
        with pytest.raises(BadInput, match=r"slow\.ppm, .*, was given up after 0 s, the most"):
            got(decoders, SLOW, "slow.ppm")
    finally:
        decoders.close()


def test_a_slow_file_holds_up_no_other_session() -> None:
    """Whoever comes later is answered while the slow one is still being read."""
    decoders = Decoders(most=2)
    try:
        running = [
            decoders.submit("slow", {"job": "picture", "name": "slow.ppm"}, SLOW) for _ in range(2)
        ]
        assert got(decoders, saved(halves(), "PNG"), session="quick").upload.width == 16
        assert not running[1].done()
    finally:
        decoders.close()


def test_where_no_process_can_be_started_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: Limits) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr("explorer.images.decoding.pool.Decoder", none)
    decoders = Decoders()
    with pytest.raises(BadInput, match="cannot be read at the moment"):
        got(decoders, saved(halves(), "PNG"))
    decoders.close()


def test_a_session_has_one_file_under_way_and_so_many_wait() -> None:
    decoders = Decoders(most=1)
    try:
        waiting = [
            decoders.submit("one", {"job": "picture", "name": "x"}, SLOW)
            for _ in range(MOST_OF_SESSION)
        ]
        with suppress(BadInput):  # the first may have begun already
            waiting.append(decoders.submit("one", {"job": "picture", "name": "x"}, SLOW))
        with pytest.raises(BadInput, match="too much at once"):
            decoders.submit("one", {"job": "picture", "name": "x"}, SLOW)
    finally:
        decoders.close()
    assert all(future.cancelled() for future in waiting[1:])


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_process_that_ended_by_itself_is_replaced_and_no_file_blamed(strict: Decoders) -> None:
    got(strict, saved(halves(), "PNG"))
    for decoder in strict.decoders:
        os.kill(decoder.pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while any(decoder.is_alive() for decoder in strict.decoders) and time.monotonic() < until:
        time.sleep(0.02)
    for _ in range(3):
        assert got(strict, saved(halves(), "PNG")).upload.height == 8


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGSEGV, r"slow\.ppm, a .*, is damaged: it broke what reads it"),
        (signal.SIGKILL, r"slow\.ppm, a .*, needs more than .* of memory"),
    ],
)
def test_a_file_that_ends_its_process_is_told(number: signal.Signals, said: str) -> None:
    decoder = Decoder(Limits())
    told: list[str] = []

    def ask() -> None:
        try:
            decoder.ask({"job": "picture", "name": "slow.ppm"}, SLOW)
        except Gone as error:
            told.append(str(error.said))

    decoder.ask({"job": "picture", "name": "x"}, saved(halves(), "PNG"))
    asking_thread = threading.Thread(target=ask)
    asking_thread.start()
    time.sleep(0.5)  # the decode takes seconds
    os.kill(decoder.pid, number)
    asking_thread.join(60)
    assert len(told) == 1 and re.match(said, told[0])


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="only Linux keeps to it")
def test_a_file_over_its_memory_is_refused_by_name() -> None:
    decoders = Decoders(limits=Limits(memory_bytes=300 * 2**20))
    try:
        data = saved(Image.new("RGB", (9_000, 8_000)), "PNG", compress_level=1)
        with pytest.raises(BadInput, match=r"a PNG of 9,000 × 8,000 pixels, needs more than 300"):
            got(decoders, data)
        assert got(decoders, saved(halves(), "PNG")).upload.width == 16
    finally:
        decoders.close()


def test_a_further_process_ends_when_nobody_needs_it() -> None:
    decoders = Decoders(most=2, idle_s=0.1)
    try:
        first = decoders.submit("a", {"job": "picture", "name": "a"}, saved(halves(), "PNG"))
        second = decoders.submit("b", {"job": "picture", "name": "b"}, saved(halves(), "PNG"))
        for future in (first, second):
            future.result(60)
        until = time.monotonic() + 60
        while len(decoders.decoders) > 1 and time.monotonic() < until:
            time.sleep(0.02)
        assert len(decoders.decoders) == 1
    finally:
        decoders.close()


def test_nothing_of_a_closed_pool_stays() -> None:
    decoders = Decoders()
    got(decoders, saved(halves(), "PNG"))
    decoders.close()
    until = time.monotonic() + 60
    while decoders.decoders and time.monotonic() < until:
        time.sleep(0.02)
    assert decoders.decoders == []
    with pytest.raises(BadInput, match="try again"):
        decoders.submit("", {"job": "picture", "name": "x"}, b"x")


def test_training_pictures_are_looked_at_there(decoders: Decoders, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for name in ("a.png", "b.heic", "c.jpg"):
            form = {"png": "PNG", "heic": "HEIF", "jpg": "JPEG"}[name[2:]]
            archive.writestr(name, saved(halves(64, 64), form))
    assert decoders.check([tmp_path / "pictures.zip"]).count == 3
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(BadInput, match="bad.png is not a picture"):
        decoders.check([bad, bad])


def test_threads_do_not_hold_up_the_end(decoders: Decoders) -> None:
    got(decoders, saved(halves(), "PNG"))
    named = [thread for thread in threading.enumerate() if thread.name == "strata-decoder"]
    assert named and all(thread.daemon for thread in named)
