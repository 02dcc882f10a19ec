"""What the siege does to a server, a process of its own: `python -m benchmarks.attacks NAME`.

Each attack is bounded in time and in count, goes to one address on this machine, and says in one
line of JSON what came back: how many answers of which kind.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cache
from itertools import cycle

import httpx
from PIL import Image
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from benchmarks import mutants
from benchmarks.target import SERVER, WAIT_S, Json, Target, first_recipe

CONTROL = "burn"  # no bar is held to it
CALLS = 560
PICTURES = 4_500


Attack = Callable[[Target], Awaitable[None]]


def edited(recipe: Json, chance: random.Random) -> Json:
    """A recipe that was never drawn before."""
    level = chance.randint(1, len(recipe["policies"]))
    return recipe | {"edits": [[level, "coordinate", 0, chance.uniform(-3, 3)]]}


async def burn(target: Target) -> None:
    """No attack: a processor is kept busy, as by whoever attacks from this machine."""
    while target.going_on():
        target.seen["rounds"] += 1
        sum(range(100_000))


async def calls(target: Target) -> None:
    """560 at the same time ask for a picture, each a session of its own, again and again."""

    async def one(at: int) -> None:
        chance = random.Random(at)
        while target.going_on():
            request = {"seq": 1, "recipe": edited(target.recipe, chance)}
            await target.call("render", request, f"siege{at}")

    await asyncio.gather(*map(one, range(CALLS)))


async def endpoints(target: Target) -> None:
    """64 at the same time have 32 pictures drawn by a named endpoint, again and again."""

    async def one(at: int) -> None:
        while target.going_on():
            await target.post("/gradio_api/call/sample", json={"data": ["", at, 1.0, 32, 0]})
            await asyncio.sleep(0.1)

    await asyncio.gather(*map(one, range(64)))


async def sockets(target: Target, count: int, message: Callable[[int, int], str]) -> None:
    """So many sockets send messages as fast as they are taken."""

    async def one(at: int) -> None:
        try:
            async with await target.socket() as socket:
                hearing = asyncio.create_task(hear(target, socket))
                seq = 0
                while target.going_on():
                    seq += 1
                    await socket.send(message(at, seq))
                    await asyncio.sleep(0)
                hearing.cancel()
        except (WebSocketException, OSError) as error:
            target.seen[type(error).__name__] += 1

    await asyncio.gather(*map(one, range(count)))


async def hear(target: Target, socket: ClientConnection) -> None:
    async for message in socket:
        kind = "frame" if isinstance(message, bytes) else next(iter(json.loads(message)))
        target.seen[kind] += 1


async def regions(target: Target) -> None:
    """Four sockets send 16 regions of 512 dabs, others each time."""
    chance = random.Random(0)
    depth = len(target.recipe["policies"])

    def message(_: int, seq: int) -> str:
        dab = [chance.randrange(257), chance.randrange(257), chance.randint(1, 60)]
        dabs = [[(dab[0] + n) % 257, (dab[1] + 7 * n) % 257, dab[2]] for n in range(512)]
        many = [[*dabs[k:], *dabs[:k], [k, k, 1 + seq % 250]][:512] for k in range(16)]
        edits = [[1 + k % depth, "coordinate", k // depth, 1.0, k] for k in range(16)]
        return json.dumps({"seq": seq, "recipe": target.recipe | {"regions": many, "edits": edits}})

    await sockets(target, 4, message)


async def flood(target: Target) -> None:
    """16 sockets ask for one picture after another without looking at any."""
    chance = random.Random(0)
    await sockets(
        target, 16, lambda _, seq: json.dumps({"seq": seq, "recipe": edited(target.recipe, chance)})
    )


async def garbage(target: Target) -> None:
    """10,000 messages that are none, over four sockets."""
    chance, left = random.Random(0), [10_000]
    rubbish = ("", "{", "[1]", '{"seq": "x"}', "\0" * 50, '{"recipe": 1}', "x" * 5_000)

    async def one() -> None:
        async with await target.socket() as socket:
            hearing = asyncio.create_task(hear(target, socket))
            while left[0] > 0 and target.going_on():
                left[0] -= 1
                raw = bytes(chance.randrange(256) for _ in range(30))
                await socket.send(chance.choice((*rubbish, raw)))
                target.seen["sent"] += 1
            hearing.cancel()

    await asyncio.gather(*(one() for _ in range(4)))


async def nested(target: Target) -> None:
    """JSON nested 400,000 deep, over a socket and in calls."""
    deep = "[" * 400_000 + "]" * 400_000
    async with await target.socket() as socket:
        while target.going_on():
            await socket.send('{"seq": 1, "recipe": ' + deep + "}")
            target.seen[next(iter(json.loads(await last_text(socket))))] += 1
            await target.post(SERVER, content=deep, headers={"content-type": "application/json"})


async def last_text(socket: ClientConnection) -> str:
    while not isinstance(message := await asyncio.wait_for(socket.recv(), WAIT_S), str) or (
        "hello" in message
    ):
        pass
    return message


async def idle(target: Target) -> None:
    """200 sockets that say nothing."""
    async with AsyncExitStack() as stack:
        for _ in range(200):
            try:
                await stack.enter_async_context(await target.socket())
                target.seen["opened"] += 1
            except (WebSocketException, OSError) as error:
                target.seen[type(error).__name__] += 1
        await asyncio.sleep(max(0.0, target.until - time.monotonic()))


async def uploads(target: Target) -> None:
    """Eight at the same time send 30 MiB of a picture, as the page does and as a file."""
    left_s = target.until - time.monotonic()
    data = base64.b64encode(random.Random(0).randbytes(30 * 2**20)).decode()
    body = json.dumps(
        {
            "session_hash": "siege",
            "component_id": target.desk,
            "fn_name": "desk_upload",
            "data": {"name": "n" * 100_000, "data": data},
        }
    )

    target.until = time.monotonic() + left_s  # to make so much takes a while

    async def call() -> None:
        while target.going_on():
            await target.post(
                SERVER, content=body, headers={"content-type": "application/json"}, timeout=WAIT_S
            )

    async def file(at: int) -> None:
        while target.going_on():
            name = f"{at}{'n' * 5_000}.png"
            files = {"files": (name, data[: 30 * 2**20].encode())}
            await target.post("/gradio_api/upload", files=files, timeout=WAIT_S)

    await asyncio.gather(*(call() for _ in range(4)), *map(file, range(4)))


async def recipes(target: Target) -> None:
    """1,000 recipes with a value changed to something else, over a socket and in calls."""
    chance = random.Random(0)

    def mutated() -> Json:
        return mutants.recipe(edited(target.recipe, chance), chance)

    async with await target.socket() as socket:
        hearing = asyncio.create_task(hear(target, socket))
        for seq in range(1, 1_001):
            await socket.send(json.dumps({"seq": seq, "recipe": mutated()}))
            if seq % 4 == 0 and target.going_on():
                await target.call(
                    chance.choice(("render", "details", "terms")), {"recipe": mutated()}
                )
        hearing.cancel()


async def pictures(target: Target) -> None:
    """4,500 damaged pictures of every format, eight sessions at a time, as the page sends them."""
    left = iter(range(PICTURES))

    async def one(session: int) -> None:
        while target.going_on() and (seed := next(left, None)) is not None:
            data = base64.b64encode(mutants.picture(random.Random(seed))).decode()
            answer = await target.call(
                "upload", {"name": f"{seed}", "data": data}, f"siege{session}", timeout=WAIT_S
            )
            target.seen["read" if "key" in answer else _refusal(answer)] += 1

    await asyncio.gather(*map(one, range(8)))


async def slow(target: Target) -> None:
    """Eight sessions send what is slow to decode: large JPEG 2000s and PPMs in plain text."""

    async def one(session: int) -> None:
        for data in cycle(slow_files()):
            if not target.going_on():
                return
            request = {"name": "slow", "data": data}
            answer = await target.call("upload", request, f"slow{session}", timeout=WAIT_S)
            target.seen["read" if "key" in answer else _refusal(answer)] += 1

    await asyncio.gather(*map(one, range(8)))


@cache
def slow_files() -> tuple[str, ...]:
    """Two that take as long as a file may, or nearly, and one whose header says too much."""
    noise = Image.effect_noise((500, 500), 60).resize((3_900, 3_900))
    files = (
        mutants.saved(Image.new("L", (8_900, 8_900)), "JPEG2000"),
        mutants.saved(noise, "JPEG2000"),
        b"P3 1414 1414 255\n" + b"7    " * 5_998_188,  # 30 MB
    )
    return tuple(base64.b64encode(data).decode() for data in files)


def _refusal(answer: Json) -> str:
    """What kind of no an answer is, without the names and numbers in it."""
    said = str(answer.get("error", "no answer")).partition(" - ")[0]
    return " ".join(word for word in said.split()[1:] if not any(map(str.isdigit, word)))[:60]


async def foreign(target: Target) -> None:
    """A page of another origin posts to whatever does something."""
    paths = (SERVER, "/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/call/sample",
             "/gradio_api/run/sample", "/login", "/gradio_api/cancel")  # fmt: skip
    while target.going_on():
        for path in paths:
            for origin in ("http://evil.example", "null", "http://[::1"):
                headers = {"origin": origin, "content-type": "text/plain"}
                await target.post(path, content=b"{}", headers=headers)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        burn, calls, endpoints, regions, flood, garbage, nested, idle, uploads, recipes, pictures,
        slow, foreign,
    )
}  # fmt: skip
MADE_BEFORE: dict[str, Callable[[], object]] = {
    "slow": slow_files,
    "pictures": mutants.originals,
}


async def attack(name: str, url: str, seconds: float) -> Counter[str]:
    """Attack a server for so long; the answers by kind."""
    limits = httpx.Limits(max_connections=CALLS)
    async with httpx.AsyncClient(base_url=url, timeout=WAIT_S, limits=limits) as client:
        components = (await client.get("/config")).json()["components"]
        desk = next(c["id"] for c in components if "desk_open" in str(c["props"]))
        target = Target(client, desk, {}, 0.0, Counter())
        target.recipe = await first_recipe(target)
        MADE_BEFORE.get(name, tuple)()
        target.until = time.monotonic() + seconds
        print("attacking", flush=True)
        await ATTACKS[name](target)
        return target.seen


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("name", choices=list(ATTACKS))
    parser.add_argument("--url", required=True, help="of a server on this machine")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args(arguments)
    if not options.url.startswith("http://127.0.0.1:"):
        parser.error("only a server on this machine is attacked: give http://127.0.0.1:PORT")
    print(json.dumps(asyncio.run(attack(options.name, options.url, options.seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
