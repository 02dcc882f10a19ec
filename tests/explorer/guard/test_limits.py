"""How much one may take by requests: refused before it is read, let in one after another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from explorer.guard import limits
from explorer.guard.limits import LARGE_BYTES, LONGEST_NAME, MAX_FILE_BYTES, SMALL_BYTES, Limits

SERVER, CALL, UPLOAD = "/gradio_api/component_server", "/gradio_api/call/x", "/gradio_api/upload"


class Behind:
    """What is behind the door: it reads whole bodies, and knows how many it had at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.now = self.most = 0

    async def read(self, request: Request) -> PlainTextResponse:
        self.now += 1
        self.most = max(self.most, self.now)
        self.sizes.append(len(await request.body()))
        await asyncio.sleep(0.002)
        self.now -= 1
        return PlainTextResponse("read")

    def app(self) -> Limits:
        paths = (SERVER, CALL, UPLOAD, "/", "/assets/a.js", "/strata/js/0/a.js")
        methods = ["GET", "POST"]
        return Limits(Starlette(routes=[Route(p, self.read, methods=methods) for p in paths]))


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body that says nothing of its length."""
    for _ in range(-(-size // 65_536)):
        yield bytes(65_536)


async def post(client: httpx.AsyncClient, path: str, body: object) -> httpx.Response:
    return await client.post(path, content=body)  # pyright: ignore[reportArgumentType]


def client_of(behind: Behind) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=behind.app())
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        (CALL, SMALL_BYTES, 200),
        (CALL, SMALL_BYTES + 1, 413),
        (SERVER, SMALL_BYTES + 1, 200),
        (SERVER, 46 * 2**20, 413),
        (f"{CALL}?/gradio_api/upload", SMALL_BYTES + 1, 413),
        ("/gradio_api/call/upload", SMALL_BYTES + 1, 413),
    ],
)
def test_a_body_is_as_large_as_its_kind_may_be(
    path: str, size: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LARGE_RATE", 2**40)
    behind = Behind()

    async def run() -> list[int]:
        async with client_of(behind) as client:
            said = await post(client, path, bytes(size))
            unsaid = await post(client, path, pieces(size + 65_536 * (status == 413)))
            return [said.status_code, unsaid.status_code]

    assert asyncio.run(run()) == [status, status]
    if status == 413:
        assert behind.sizes == []


def test_a_length_alone_refuses_a_file_too_large() -> None:
    async def run() -> httpx.Response:
        async with client_of(Behind()) as client:
            headers = {"content-length": str(MAX_FILE_BYTES + 2**21)}
            return await client.post(UPLOAD, content=b"", headers=headers)

    answer = asyncio.run(run())
    assert answer.status_code == 413 and "257 MiB" in answer.text


def test_large_bodies_come_one_at_a_time_and_small_ones_pass_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NEW_HZ", 1_000.0)
    behind = Behind()

    async def run() -> float:
        began = asyncio.get_running_loop().time()
        async with client_of(behind) as client:
            large = [post(client, SERVER, bytes(2 * LARGE_BYTES)) for _ in range(3)]
            answers = await asyncio.gather(*large, post(client, SERVER, b"small"))
        assert [answer.status_code for answer in answers] == [200] * 4
        return asyncio.get_running_loop().time() - began

    took_s = asyncio.run(run())
    assert behind.sizes.index(5) < 2
    assert behind.most <= 2
    assert took_s > 3 * 2 * LARGE_BYTES / limits.LARGE_RATE


def body_of(*sessions: str) -> bytes:
    return b",".join(b'"session_hash": "%s"' % name.encode() for name in sessions)


@pytest.mark.parametrize("sessions", [("new {}",), (), ("known", "new {}")])
def test_who_is_known_passes_those_who_are_not(
    sessions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is known by a name that gradio does not take: of two, the last."""
    monkeypatch.setattr(limits, "NEW_HZ", 40.0)
    behind, count = Behind(), 20

    async def run() -> tuple[int, int]:
        async with client_of(behind) as client:
            await post(client, SERVER, body_of("known"))
            known = len(body_of("known"))
            made = [body_of(*(name.format(at) for name in sessions)) for at in range(count)]
            waiting = [asyncio.create_task(post(client, SERVER, body)) for body in made]
            await asyncio.sleep(0)
            await post(client, SERVER, body_of("known"))
            before = behind.sizes.index(known, 1)
            await asyncio.gather(*waiting)
            return before, len(behind.sizes)

    before, all = asyncio.run(run())
    assert before < all / 2


def test_a_burst_of_requests_is_let_in_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEW_HZ", 1_000.0)
    behind = Behind()

    async def run() -> float:
        began = asyncio.get_running_loop().time()
        async with client_of(behind) as client:
            answers = await asyncio.gather(*(post(client, CALL, b"") for _ in range(60)))
            assert {answer.status_code for answer in answers} == {200}
            for file in ("/assets/a.js", "/strata/js/0/a.js"):
                files = await asyncio.gather(*(client.get(file) for _ in range(150)))
                assert {answer.status_code for answer in files} == {200}
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) > 60 / limits.RATE_HZ - limits.BURST_S


def test_who_comes_when_too_many_wait_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MOST_WAITING", 3)
    monkeypatch.setattr(limits, "PAUSE_S", 0.05)
    monkeypatch.setattr(limits, "BURST_S", 0.0)

    async def run() -> list[int]:
        async with client_of(Behind()) as client:
            answers = await asyncio.gather(*(post(client, CALL, b"") for _ in range(8)))
            return sorted(answer.status_code for answer in answers)

    assert asyncio.run(run()) == [200] * 3 + [429] * 5


@pytest.mark.parametrize(("length", "status"), [(LONGEST_NAME, 200), (LONGEST_NAME + 1, 400)])
def test_the_name_of_a_session_is_short(length: int, status: int) -> None:
    async def run() -> int:
        async with client_of(Behind()) as client:
            body = json.dumps({"data": {}, "session_hash": "x" * length}).encode()
            return (await post(client, SERVER, body)).status_code

    assert asyncio.run(run()) == status
