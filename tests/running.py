"""The real app as a process of its own, for the tests that look at it from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_S = 180.0  # a busy machine imports torch slowly
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class App:
    """An app that answers.

    Args:
        url: Its address, without a slash at the end.
        port: The port in it.
        runs: Its folder of runs.
        log: What it wrote to standard output and standard error.
        process: The process.
    """

    url: str
    port: int
    runs: Path
    log: Path
    process: subprocess.Popen[bytes]

    def said(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        """End the process, the hard way if it does not listen."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(15)


def start_app(
    folder: Path,
    *options: str,
    host: str = LOOPBACK,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> App:
    """Start `python app.py` with its runs in `folder`, and wait until it answers on `host`."""
    port, runs, log = port or free_port(host), folder / "runs", folder / "app.log"
    process = spawn(log, f"--port={port}", f"--runs={runs}", *options, environment=environment)
    return answering(App(f"http://{host}:{port}", port, runs, log, process))


def answering(app: App) -> App:
    """An app that was started, once it answers.

    Raises:
        RuntimeError: It ended or did not answer in time; with all that it said.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if app.process.poll() is not None:
            raise RuntimeError(f"the app ended at once:\n{app.said()}")
        if answers(app.url):
            return app
        time.sleep(0.1)
    app.stop()
    raise RuntimeError(f"the app did not answer in {START_S:.0f} s:\n{app.said()}")


def spawn(
    log: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    root: Path = ROOT,
    under: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """The process `python app.py …`, both of its outputs going to the file `log`.

    `root` is the checkout that it runs in, `under` a command that runs it.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRADIO_")}
    with log.open("wb") as output:
        return subprocess.Popen(
            [*under, sys.executable, "app.py", *options],
            cwd=root,
            env=inherited | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def answers(url: str) -> bool:
    """Whether a server there serves a page, or at least asks for a login."""
    try:
        return httpx.get(url, timeout=10).status_code in (200, 401)
    except httpx.TransportError:
        return False


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]
