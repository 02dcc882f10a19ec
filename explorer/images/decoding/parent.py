"""A process that decodes, as the server sees it: started, asked, ended when over time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from explorer.images.decoding.caps import Limits, broke, too_hungry, too_long
from explorer.images.decoding.messages import Head, receive, send
from models.errors import BadInput
from models.reading.files import shown_name

ROOT = Path(__file__).resolve().parents[3]
DYING_S = 5.0  # for a process that has closed its output to be gone


class Gone(Exception):
    """The process is no more; the next file needs another."""

    def __init__(self, said: BadInput) -> None:
        super().__init__(str(said))
        self.said = said


class Decoder:
    """One process, for one file at a time. It ends when this process does.

    Args:
        limits: What it may take.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        numbers = (str(limits.cpu_s), str(limits.memory_bytes))
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "explorer.images.decoding.child", *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for the server, whose end is its end
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, head: Head, *bodies: bytes) -> tuple[Head, list[bytes]]:
        """The answer to a request.

        Raises:
            BadInput: The file cannot be read.
            Gone: Nor can another one, by this process.
        """
        facts = ["a file"]
        late = threading.Event()
        timer = threading.Timer(self._limits.clock_s, lambda: (late.set(), self._process.kill()))
        timer.daemon = True
        timer.start()
        try:
            answer = self._answer(facts, head, *bodies)
        except (EOFError, OSError, ValueError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(DYING_S)
            label = shown_name(str(head.get("name", "what was uploaded")))
            said = self._why(label, facts[0], late.is_set())
            self.end()
            raise Gone(said) from None
        finally:
            timer.cancel()
        if "bad" in answer[0]:
            raise BadInput(answer[0]["bad"])
        if "fault" in answer[0]:
            raise RuntimeError("a file could not be read; its process said why")
        return answer

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        with suppress(OSError):
            cast(BinaryIO, self._process.stdin).close()
        cast(BinaryIO, self._process.stdout).close()
        self._process.wait()

    def _answer(self, facts: list[str], head: Head, *bodies: bytes) -> tuple[Head, list[bytes]]:
        send(cast(BinaryIO, self._process.stdin), head, *bodies)
        while True:
            answer = receive(cast(BinaryIO, self._process.stdout))
            if "facts" not in answer[0]:
                return answer
            facts[0] = str(answer[0]["facts"])

    def _why(self, label: str, facts: str, is_late: bool) -> BadInput:
        """What its end says of the file."""
        code = self._process.returncode
        if is_late:
            return too_long(label, facts, f"{self._limits.clock_s:.0f} s")
        if sys.platform != "win32" and code == -signal.SIGXCPU:
            return too_long(label, facts, f"{self._limits.cpu_s} s of processor time")
        if sys.platform != "win32" and code == -signal.SIGKILL:  # by a system without memory left
            return too_hungry(label, facts, self._limits)
        return broke(label, facts)
