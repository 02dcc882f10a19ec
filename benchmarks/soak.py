"""A long drag over a raw socket: `python -m benchmarks.soak`.

Starts `python app.py` in an empty working folder with an empty temporary folder, opens a test
picture and asks for one new recipe after another: a frame each, every RESTS-th one with its
ladder. Then, of the server's process:

    growth    resident size at the end over its size after the warm-up (the first tenth, at
              least 500 frames); the bounded memories are filled on purpose, by recipes that
              never come again
    files     whatever lies at the end in the two folders, its log aside, and did not before

The exit status is 1 if the resident size moved by more than 5 % or a file was left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from tqdm import tqdm
from websockets.sync.client import ClientConnection, connect

from benchmarks.serving import LOOPBACK, ROOT, Server, spawn
from explorer.live.packets import FRAME, HEADER

RESTS = 500
LEAST_WARM_UP = 500
MOST_GROWTH = 0.05
WAIT_S = 60.0


@dataclass(frozen=True)
class Soaked:
    """What a soak found.

    Args:
        frames: Frames received, each under the number that it was asked for.
        seconds: How long they took.
        warm_bytes: Resident size of the server after the warm-up.
        end_bytes: The same at the end.
        files: What was left, by path.
    """

    frames: int
    seconds: float
    warm_bytes: int
    end_bytes: int
    files: tuple[str, ...]

    @property
    def growth(self) -> float:
        """By what share the resident size moved."""
        return self.end_bytes / self.warm_bytes - 1

    @property
    def passed(self) -> bool:
        return abs(self.growth) <= MOST_GROWTH and not self.files


def soak(frames: int, model: str, quiet: bool = False) -> Soaked:
    """Ask for `frames` frames of a bundled model."""
    with tempfile.TemporaryDirectory(prefix="strata-soak-") as folder:
        server = start(Path(folder))
        try:
            server.wait()
            before = files_in(Path(folder))
            with opened(server, model) as (socket, recipe):
                return drag(server, socket, recipe, frames, (Path(folder), before), quiet)
        finally:
            server.stop()


def start(folder: Path) -> Server:
    """The app, with folders of its own to work in and for temporary files."""
    for name in ("work", "temporary"):
        (folder / name).mkdir()
    environment = {
        "TMPDIR": str(folder / "temporary"),
        "HOME": str(folder / "work"),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    command = [str(ROOT / "app.py"), "--port={port}", "--device=cpu"]
    return spawn(command, folder / "log", folder / "work", environment)


@contextmanager
def opened(server: Server, model: str) -> Iterator[tuple[ClientConnection, dict]]:
    """A socket to the live route, and the recipe of a test picture that changes nothing."""
    with httpx.Client(base_url=server.url, timeout=WAIT_S) as client:
        session = call(client, "session", {})
        image = {"kind": "example", "index": 0}
        recipe = call(client, "open", {"model": model, "image": image})["recipe"]
    url = f"ws://{LOOPBACK}:{server.port}/{session['path']}?token={session['token']}"
    with connect(url, origin=server.url, open_timeout=WAIT_S) as socket:  # pyright: ignore[reportArgumentType]
        socket.recv(WAIT_S)
        yield socket, recipe


def call(client: httpx.Client, name: str, request: dict) -> dict:
    """A server function of the desk, called as the page calls it."""
    components = client.get("/config").json()["components"]
    desk = next(c["id"] for c in components if f"desk_{name}" in str(c["props"]))
    body = {"session_hash": "soak", "component_id": desk, "fn_name": f"desk_{name}"}
    answer = client.post("/gradio_api/component_server", json={**body, "data": request}).json()
    if "error" in answer:
        raise RuntimeError(f"{name}: {answer['error']}")
    return answer


def drag(
    server: Server,
    socket: ClientConnection,
    recipe: dict,
    frames: int,
    folder: tuple[Path, set[str]],
    quiet: bool,
) -> Soaked:
    """Ask for frame after frame, and look at the process."""
    warm_up = max(LEAST_WARM_UP, frames // 10)
    started, warm = time.perf_counter(), 0
    for seq in tqdm(range(1, frames + 1), disable=quiet, unit=" frames"):
        socket.send(json.dumps({"seq": seq, "recipe": recipe | {"edits": edits(recipe, seq)}}))
        for kind, number in answers(socket, rest=seq % RESTS == 0):
            if kind == FRAME and number != seq:
                raise RuntimeError(f"frame {number} came where {seq} was asked for")
        if seq == warm_up:
            warm = resident_bytes(server.process.pid)
    seconds = time.perf_counter() - started
    left = files_in(folder[0]) - folder[1]
    return Soaked(frames, seconds, warm, resident_bytes(server.process.pid), tuple(sorted(left)))


def edits(recipe: dict, seq: int) -> list[list[object]]:
    """One slider of every level in turn, at a place where it never was."""
    depth = len(recipe["policies"])
    return [[1 + seq % depth, "coordinate", 0, (seq * 0.618034) % 6 - 3]]


def answers(socket: ClientConnection, rest: bool) -> Iterator[tuple[int, int]]:
    """Kind and number of what comes for a request: up to its frame, or to its ladder's end."""
    while True:
        message = socket.recv(WAIT_S)
        if isinstance(message, bytes):
            kind, _, _, _, seq, *_ = HEADER.unpack_from(message)
            yield kind, seq
            if kind == FRAME and not rest:
                return
            continue
        said = json.loads(message)
        if "error" in said:
            raise RuntimeError(f"request {said['seq']}: {said['error']}")
        if rest and "shadowed" in said:
            return


def resident_bytes(pid: int) -> int:
    """Resident size of a process."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        pages = int(statm.read_text().split()[1])
        return pages * 4096
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(shown.stdout) * 1024


def files_in(folder: Path) -> set[str]:
    """Every file below a folder but the server's log."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {"log"}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--model", default="avatars", help="a bundled model")
    parser.add_argument("--quick", action="store_true", help="2,000 frames")
    parser.add_argument("--json", type=Path, help="write the findings to this file")
    options = parser.parse_args(arguments)
    found = soak(2_000 if options.quick else options.frames, options.model)
    megabyte = 2**20
    print(
        f"{found.frames:,} frames in {found.seconds:.0f} s, "
        f"{found.warm_bytes / megabyte:.0f} MiB after the warm-up, "
        f"{found.end_bytes / megabyte:.0f} MiB at the end ({100 * found.growth:+.1f} %), "
        f"files left: {', '.join(found.files) or 'none'}"
    )
    if options.json:
        facts = asdict(found) | {"growth": found.growth, "passed": found.passed}
        options.json.write_text(json.dumps(facts, indent=2) + "\n")
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
