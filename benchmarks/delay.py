"""A slower link: `python -m benchmarks.delay --target PORT --port PORT --rtt-ms 60`.

A TCP proxy that hands every byte on after half the round trip, in either direction, in order,
and without holding back those behind it: the bandwidth stays what it was.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress

from benchmarks.leash import end_with_input

HOST = "127.0.0.1"
CHUNK = 65_536


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Hand on what comes, each piece `delay_s` seconds after it came, then the end."""
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def listen() -> None:
        data = b"at the beginning"
        while data:
            try:
                data = await reader.read(CHUNK)
            except ConnectionError:
                data = b""
            line.put_nowait((loop.time() + delay_s, data))

    listening = asyncio.create_task(listen())
    try:
        while True:
            due, data = await line.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.write_eof()  # the other direction stays open
                return
            writer.write(data)
            await writer.drain()
    except OSError:  # nobody listens there any more: the other direction ends too
        writer.transport.abort()
    finally:
        listening.cancel()


async def start(target: int, port: int, rtt_ms: float) -> asyncio.Server:
    """Listen on a port of this machine for connections to another one of its ports.

    Args:
        target: The port that is asked for.
        port: The port to listen on; 0 for any.
        rtt_ms: The round trip to add, in milliseconds.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, target)
        except OSError:
            writer.close()
            return
        delay_s = rtt_ms / 2000
        try:
            await asyncio.gather(pump(reader, back, delay_s), pump(there, writer, delay_s))
        finally:
            for end in (writer, back):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    return await asyncio.start_server(serve, HOST, port)


async def run(target: int, port: int, rtt_ms: float) -> None:
    """Serve until the process ends."""
    server = await start(target, port, rtt_ms)
    async with server:
        await server.serve_forever()


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delay", description=__doc__)
    parser.add_argument("--target", type=int, required=True, help="port of the server behind it")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--rtt-ms", type=float, required=True, help="round trip to add")
    parser.add_argument("--leash", action="store_true", help="end with standard input")
    options = parser.parse_args(arguments)
    if options.leash:
        end_with_input()
    asyncio.run(run(options.target, options.port, options.rtt_ms))


if __name__ == "__main__":
    main()
