"""The slower link hands on every byte in order, both ways, and none before its time."""

from __future__ import annotations

import asyncio
import random

from benchmarks import delay

HOST = delay.HOST


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with what came, until the end."""
    while data := await reader.read(4_096):
        writer.write(data)
    writer.close()


def port_of(server: asyncio.Server) -> int:
    return server.sockets[0].getsockname()[1]


async def through(rtt_ms: float, pieces: list[bytes]) -> tuple[bytes, float]:
    """What an echo behind the link answers to all pieces, and after how many seconds."""
    async with (
        await asyncio.start_server(echo, HOST, 0) as behind,
        await delay.start(port_of(behind), 0, rtt_ms) as link,
    ):
        reader, writer = await asyncio.open_connection(HOST, port_of(link))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        writer.write_eof()
        answer = await reader.read()
        took_s = loop.time() - began
        writer.close()
        await writer.wait_closed()
        return answer, took_s


def test_bytes_and_their_order_are_kept() -> None:
    chance = random.Random(0)
    pieces = [chance.randbytes(chance.randrange(1, 9_000)) for _ in range(120)]
    answer, _ = asyncio.run(through(10.0, pieces))
    assert answer == b"".join(pieces)


def test_no_answer_comes_before_the_round_trip_is_over() -> None:
    answer, took_s = asyncio.run(through(80.0, [b"here"]))
    assert answer == b"here"
    assert took_s >= 0.078  # the clock of an event loop ticks in milliseconds


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async def ask() -> bytes:
        async with await asyncio.start_server(echo, HOST, 0) as gone:
            port = port_of(gone)
        async with await delay.start(port, 0, 10.0) as link:
            reader, writer = await asyncio.open_connection(HOST, port_of(link))
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert asyncio.run(ask()) == b""
