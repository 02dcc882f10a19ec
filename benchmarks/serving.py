"""Servers that a benchmark measures, each a process of its own on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"
START_S = 180.0  # a busy machine imports torch slowly


@dataclass(frozen=True)
class Server:
    """A server that was started.

    Args:
        port: Where it listens, or will.
        process: The process.
        log: What it writes.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            RuntimeError: It ended, or does not answer in time; the message has its log.
        """
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            if answers(self.url):
                return
            time.sleep(0.1)
        raise RuntimeError(f"a server does not answer:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        """End the process, the hard way if it does not listen."""
        with self.process:  # closes its pipe, too
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()


@contextmanager
def servers(commands: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Server]]:
    """Processes of this Python that answer, by name; ended at the end, whatever happens.

    Args:
        commands: The arguments of each, with "{port}" where its port belongs.
    """
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder, ExitStack() as stack:
        started: dict[str, Server] = {}
        for name, command in commands.items():
            started[name] = spawn(command, Path(folder) / f"{name}.log")
            stack.callback(started[name].stop)
        for server in started.values():
            server.wait()
        yield started


def answers(url: str) -> bool:
    """Whether a server there serves a page."""
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def spawn(
    command: Sequence[str],
    log: Path,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """A process whose standard input ends with this one.

    Args:
        command: Its arguments to this Python, with "{port}" where its port belongs.
        log: Where it writes.
        folder: Where it works.
        environment: What it is told beside what this process was.
    """
    port = free_port()
    arguments = [part.replace("{port}", str(port)) for part in command]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRADIO_")}
    own = {"GRADIO_TEMP_DIR": str(log.with_suffix(".files")), "PYTHONUNBUFFERED": "1"}
    output: IO[bytes]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=inherited | own | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Server(port, process, log)
