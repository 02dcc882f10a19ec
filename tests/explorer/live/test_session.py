"""The live session over a real socket: the right frame, the newest first, and fair turns."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from explorer.guard.crowd import MOST_OF_CLIENT
from explorer.guard.turns import session_asking
from explorer.images.uploads import image_hash
from explorer.live.session import MOST_UNSEEN, Ask, Unanswerable, parse_ask
from explorer.live.worker import RENDER
from explorer.recipe.recipe import Edit, Recipe
from explorer.render.encode import encode_image
from explorer.render.render import render
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput
from models.policy import Policy
from tests.explorer.serving import Packet, Server, receive, serving
from tests.explorer.toy import toy_checkpoint, toy_recipe

GREY = toy_checkpoint("grey", "0123456789abcdef")
COLOUR = toy_checkpoint("colour", "fedcba9876543210", (3, 6, 6))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, {"avatars": GREY, "colour": COLOUR}) as running:
        for checkpoint in (GREY, COLOUR):
            for pixels in checkpoint.examples[:4]:
                running.live._images.put(image_hash(pixels), pixels)
        yield running


def expected(checkpoint: Checkpoint, recipe: Recipe, index: int = 0) -> np.ndarray:
    trace = encode_image(checkpoint, checkpoint.examples[index])
    return render(checkpoint.model, trace, recipe, checkpoint.statistics).pixels


def ask(socket: ClientConnection, seq: int, recipe: Recipe, **more: object) -> None:
    socket.send(json.dumps({"seq": seq, "recipe": recipe.to_dict(), **more}))


def until_done(socket: ClientConnection, seq: int) -> list[Packet | dict]:
    """All that comes, up to the end of the ladder of `seq`."""
    heard: list[Packet | dict] = []
    while not (heard and isinstance(heard[-1], dict) and heard[-1]["seq"] == seq):
        heard.append(receive(socket))
    return heard


def moved(checkpoint: Checkpoint, sigma: float, level: int = 3, index: int = 0) -> Recipe:
    zero = toy_recipe(checkpoint, checkpoint.examples[index])
    return zero.with_edit(Edit(level, "coordinate", 0, sigma))


def test_a_frame_then_the_ladder_then_the_shadowed(server: Server) -> None:
    recipe = moved(COLOUR, 1.5).with_policy(2, Policy("pin"))
    with server.connect() as socket:
        ask(socket, 5, recipe)
        frame, *rungs, last = until_done(socket, 5)
    assert isinstance(frame, Packet) and (frame.kind, frame.seq, frame.level) == (1, 5, 0)
    np.testing.assert_array_equal(frame.pixels, expected(COLOUR, recipe))
    assert [r.level for r in rungs if isinstance(r, Packet)] == [3, 2, 1]
    assert isinstance(rungs[-1], Packet) and rungs[-1].kind == 2
    np.testing.assert_array_equal(rungs[-1].pixels, frame.pixels)
    assert isinstance(last, dict) and list(last["shadowed"]) == ["3"]


def test_what_is_drawn_already_gets_its_ladder_only(server: Server) -> None:
    with server.connect() as socket:
        ask(socket, 1, moved(GREY, 1.0), drawn=True)
        heard = until_done(socket, 1)
    assert [packet.kind for packet in heard if isinstance(packet, Packet)] == [2, 2, 2]


def test_a_slow_link_gets_a_jpeg_and_then_the_exact_picture(server: Server) -> None:
    recipe = moved(COLOUR, -2.0)
    with server.connect() as socket:
        ask(socket, 1, recipe, lossy=True)
        frame, *_, bottom, _ = until_done(socket, 1)
    assert isinstance(frame, Packet) and frame.form == 1
    assert isinstance(bottom, Packet) and (bottom.form, bottom.level) == (0, 1)
    np.testing.assert_array_equal(bottom.pixels, expected(COLOUR, recipe))


def test_the_newest_wins_and_the_last_is_right(server: Server) -> None:
    """While the device is held, 50 requests come: one frame answers them all."""
    gate, recipes = threading.Event(), [moved(GREY, n / 20 - 1) for n in range(50)]
    with server.connect() as socket:
        server.live.worker.submit(gate.wait)
        for seq, recipe in enumerate(recipes, start=1):
            ask(socket, seq, recipe)
        socket.send("{}")  # answered at once: when it is, all before it were heard
        assert isinstance(receive(socket), dict)
        gate.set()
        heard = until_done(socket, 50)
    frames = [p for p in heard if isinstance(p, Packet) and p.kind == 1]
    assert [frame.seq for frame in frames] == [50]
    np.testing.assert_array_equal(frames[0].pixels, expected(GREY, recipes[-1]))


def test_every_frame_is_that_of_its_number(server: Server) -> None:
    recipes = {seq: moved(GREY, seq / 40, level=1 + seq % 3) for seq in range(1, 60)}
    with server.connect() as socket:
        for seq, recipe in recipes.items():
            ask(socket, seq, recipe)
        heard = until_done(socket, 59)
    frames = [p for p in heard if isinstance(p, Packet) and p.kind == 1]
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert frames[-1].seq == 59
    for frame in frames:
        np.testing.assert_array_equal(frame.pixels, expected(GREY, recipes[frame.seq]))


def test_a_newer_recipe_drops_the_ladder_of_the_one_before(server: Server) -> None:
    with server.connect() as socket:
        ask(socket, 1, moved(GREY, 1.0))
        assert isinstance(frame := receive(socket), Packet) and frame.kind == 1
        ask(socket, 2, moved(GREY, 1.1))
        heard = until_done(socket, 2)
    assert {p.seq for p in heard if isinstance(p, Packet)} == {2}


def test_a_ladder_under_way_is_dropped_before_the_newer_frame_is_drawn(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, dropped, gate = threading.Event(), threading.Event(), threading.Event()

    async def endless(_: object) -> None:
        begun.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            dropped.set()
            raise

    monkeypatch.setattr(server.live, "rung", endless)
    with server.connect() as socket:
        ask(socket, 1, moved(GREY, 1.0))
        assert isinstance(receive(socket), Packet)
        assert begun.wait(30)
        server.live.worker.submit(gate.wait)
        ask(socket, 2, moved(GREY, 1.1))
        in_time = dropped.wait(10)  # while the device is held, so before the frame
        gate.set()
        assert in_time
        assert isinstance(frame := receive(socket), Packet) and frame.seq == 2


def test_sessions_take_turns_and_never_mix(server: Server) -> None:
    """Two sessions drag on two models, one ten times as eagerly: both get their pictures."""
    with server.connect() as eager, server.connect() as calm:
        gate = threading.Event()
        server.live.worker.submit(gate.wait)
        for seq in range(1, 101):
            ask(eager, seq, moved(GREY, seq / 50))
        for seq in range(1, 11):
            ask(calm, seq, moved(COLOUR, seq / 5))
        for socket in (eager, calm):
            socket.send("{}")  # answered at once: when it is, all before it were heard
            assert isinstance(receive(socket), dict)
        assert server.live.worker.waiting() == 2  # one job each, however many they asked for
        gate.set()
        frames = [p for p in until_done(calm, 10) if isinstance(p, Packet) and p.kind == 1]
        np.testing.assert_array_equal(frames[-1].pixels, expected(COLOUR, moved(COLOUR, 2.0)))
        frames = [p for p in until_done(eager, 100) if isinstance(p, Packet) and p.kind == 1]
        np.testing.assert_array_equal(frames[-1].pixels, expected(GREY, moved(GREY, 2.0)))


def test_who_looks_at_no_picture_is_drawn_for_among_the_calls(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, calls, gate = server.live.worker, list[bool](), threading.Event()
    submit = worker.submit

    def noted(job: Callable[[], object], patience_s: float = RENDER) -> Future[object]:
        if "_draw_newest" in getattr(job, "__qualname__", ""):
            calls.append(session_asking() is not None)
        return submit(job, patience_s)

    monkeypatch.setattr(worker, "submit", noted)
    with server.connect() as socket:
        submit(gate.wait)
        for seq in range(1, MOST_UNSEEN + 2):
            ask(socket, seq, moved(GREY, seq / 50))
        socket.send("{}")  # answered once all before it were heard
        assert isinstance(receive(socket), dict)
        gate.set()
        until_done(socket, MOST_UNSEEN + 1)
        for seq in (100, 101):
            ask(socket, seq, moved(GREY, seq / 50))
            until_done(socket, seq)
    assert calls == [False, True, False]


def test_an_error_is_said_under_its_number_and_the_session_goes_on(server: Server) -> None:
    gone = toy_recipe(GREY, GREY.examples[9])
    wrong = {**moved(GREY, 1.0).to_dict(), "temperature": 9}
    with server.connect() as socket:
        ask(socket, 1, gone)
        said = receive(socket)
        assert isinstance(said, dict)
        assert (said["seq"], said["code"]) == (1, "unknown_image")
        socket.send(json.dumps({"seq": 2, "recipe": wrong}))
        said = receive(socket)
        assert isinstance(said, dict) and said["seq"] == 2 and "temperature" in said["error"]
        for nonsense in ("", "no JSON", "[1]", '{"seq": "3"}', '{"seq": 2}', "{}"):
            socket.send(nonsense)
            said = receive(socket)
            assert isinstance(said, dict) and "reload the page" in said["error"]
        socket.send(b"\0\1\2")
        assert isinstance(receive(socket), dict)
        ask(socket, 3, moved(GREY, 1.0))
        assert isinstance(receive(socket), Packet)


def test_of_many_messages_only_the_newest_is_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(text: str, after: int, came: float = 0.0) -> Ask:
        read.append(threading.current_thread().name)
        return parse_ask(text, after, came)

    monkeypatch.setattr("explorer.live.session.parse_ask", counted)
    gate = threading.Event()
    with server.connect() as socket:
        server.live.worker.submit(gate.wait)
        for seq in range(1, 41):
            ask(socket, seq, moved(GREY, seq / 40))
        socket.send("{}")
        assert isinstance(receive(socket), dict)
        gate.set()
        until_done(socket, 40)
    assert read.count("strata-device") == 1 and len(read) == 2  # and the mistake


@pytest.mark.parametrize("deep", ["[" * 400_000 + "]" * 400_000, '{"a":' * 400_000])
def test_what_is_nested_too_deep_is_told_and_the_socket_stays(server: Server, deep: str) -> None:
    with server.connect() as socket:
        for text in (deep, '{"seq": 1, "recipe": ' + deep + "}"):
            socket.send(text)
            said = receive(socket)
            assert isinstance(said, dict) and "reload the page" in said["error"]
        ask(socket, 1, moved(GREY, 1.0))
        assert isinstance(receive(socket), Packet)


def test_a_long_message_takes_its_turn_among_the_calls(server: Server) -> None:
    dabs = [[n % 257, n // 2, 1 + n % 30] for n in range(512)]
    long = moved(GREY, 1.0).to_dict() | {"regions": [dabs[k:] + dabs[:k] for k in range(4)]}
    gate, began = threading.Event(), threading.Event()
    with server.connect() as heavy, server.connect() as light:
        server.live.worker.submit(lambda: (began.set(), gate.wait()))
        assert began.wait(30)
        heavy.send(json.dumps({"seq": 1, "recipe": long}))
        ask(light, 1, moved(GREY, 2.0))
        while server.live.worker.waiting() < 2:
            threading.Event().wait(0.01)
        assert [len(own) for own in server.live.worker._calls._lines.values()] == [1]
        gate.set()
        for socket in (light, heavy):
            assert isinstance(receive(socket), Packet)


def test_a_page_that_has_to_leave_is_told_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, {"avatars": GREY}) as running:
        with running.connect() as first, ExitStack() as stack:
            for _ in range(MOST_OF_CLIENT):
                stack.enter_context(running.connect())
            with pytest.raises(ConnectionClosed) as closed:
                first.recv(30)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013


def test_a_model_that_is_not_loaded_any_more_is_loaded_again(server: Server) -> None:
    for number in range(8):
        server.live.library._loaded.put(f"{number:016x}", COLOUR)
    assert server.live.library.loaded(GREY.hash) is None
    with server.connect() as socket:
        ask(socket, 1, moved(GREY, 1.0))
        frame = receive(socket)
    assert isinstance(frame, Packet)
    np.testing.assert_array_equal(frame.pixels, expected(GREY, moved(GREY, 1.0)))


def test_a_page_that_leaves_in_the_middle_harms_nobody(server: Server) -> None:
    for _ in range(5):
        with server.connect() as socket:
            for seq in range(1, 30):
                ask(socket, seq, moved(GREY, seq / 20))
    with server.connect() as socket:
        ask(socket, 1, moved(GREY, 1.0))
        assert isinstance(receive(socket), Packet)


@pytest.mark.parametrize(
    ("origin", "token"),
    [("http://evil.example", None), ("null", None), (None, "guessed")],
    ids=["foreign origin", "null origin", "no token of ours"],
)
def test_a_foreign_page_is_refused(server: Server, origin: str | None, token: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, server.connect(origin, token):
        pass
    assert refused.value.response.status_code == 403


def test_a_request_must_come_after_the_one_before() -> None:
    text = json.dumps({"seq": 4, "recipe": moved(GREY, 1.0).to_dict(), "lossy": True})
    ask = parse_ask(text, after=3)
    assert (ask.seq, ask.lossy, ask.drawn, ask.recipe) == (4, True, False, moved(GREY, 1.0))
    with pytest.raises(BadInput, match="larger than the one before"):
        parse_ask(text, after=4)
    with pytest.raises(Unanswerable) as error:
        parse_ask('{"seq": 9}', after=4)
    assert error.value.seq == 9
