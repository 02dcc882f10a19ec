"""Who decodes next: a few processes, one file of a session at a time, sessions take turns.

one slow file    takes one process until it is done or over its time; another is started for
                 whoever waits, up to MOST_PROCESSES
kept warm        one process stays; the others end when nobody has waited for a while
replaced         a process that was ended, or broke, is followed by a new one
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from explorer.guard.turns import Lines, session_asking
from explorer.images.decoding.caps import Limits
from explorer.images.decoding.messages import Head
from explorer.images.decoding.parent import Decoder, Gone
from explorer.images.decoding.reading import Read, unpacked
from explorer.images.decoding.training_files import Pictures
from models.errors import BadInput

MOST_PROCESSES = 3
MOST_WAITING, MOST_OF_SESSION = 64, 16
IDLE_S = 20.0

Answer = tuple[Head, list[bytes]]


@dataclass
class _Entry:
    """A file that waits to be read."""

    head: Head
    bodies: tuple[bytes, ...]
    future: Future[Answer]


class Decoders:
    """The processes that decode, a thread for each; they start when they are needed.

    Args:
        most: So many at a time.
        idle_s: Seconds after which a further one that nobody needs ends.
        limits: What each may take.
    """

    def __init__(
        self,
        most: int = MOST_PROCESSES,
        idle_s: float = IDLE_S,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._most, self._idle_s, self._limits = most, idle_s, limits
        self._lines: Lines[_Entry] = Lines(MOST_OF_SESSION)
        self._busy: set[str] = set()  # sessions with a file under way
        self._threads = self._idle = 0
        self._ready = threading.Condition()
        self._closed = False
        self.decoders: list[Decoder] = []

    async def read(self, data: bytes, name: str) -> Read:
        """Decode a picture file, and the state that it carries.

        Raises:
            BadInput: It is no picture that can be read, or over a limit.
        """
        future = self.submit(session_asking() or "", {"job": "picture", "name": name}, data)
        answer = await asyncio.wrap_future(future)
        return await asyncio.to_thread(unpacked, *answer)

    def check(self, files: Sequence[Path], session: str = "") -> Pictures:
        """Look at files to train on, as `check_pictures` does.

        Raises:
            BadInput: They cannot be trained on, or one is over a limit.
        """
        named = [str(path.absolute()) for path in files]
        future = self.submit(session, {"job": "training", "files": named})
        return Pictures(tuple(files), future.result()[0]["count"])

    def submit(self, session: str, head: Head, *bodies: bytes) -> Future[Answer]:
        """Put a file in its session's line; one that is cancelled while it waits is never read.

        Raises:
            BadInput: If too many wait already.
        """
        entry = _Entry(head, bodies, Future())
        with self._ready:
            if self._closed or len(self._lines) >= MOST_WAITING:
                raise BadInput("too many files are being read at the moment - try again shortly")
            self._lines.add(session, entry)
            self._start_another()
            self._ready.notify_all()
        return entry.future

    def warm(self) -> None:
        """See to a process that is there before the first file is."""
        with self._ready:
            if not self._threads and not self._closed:
                self._start()

    def close(self) -> None:
        """Read nothing more, and end the processes."""
        with self._ready:
            self._closed = True
            for entry in self._lines.clear():
                entry.future.cancel()
            self._ready.notify_all()
            for decoder in self.decoders:
                decoder.end()

    def _start_another(self) -> None:
        if self._idle < len(self._lines) and self._threads < self._most:
            self._start()

    def _start(self) -> None:
        self._threads += 1
        threading.Thread(target=self._work, name="strata-decoder", daemon=True).start()

    def _work(self) -> None:
        decoder = self._new()  # at once, so that it is there when the first file comes
        while (found := self._next()) is not None:
            session, entry = found
            try:
                if entry.future.set_running_or_notify_cancel():
                    decoder = self._alive(decoder)
                    if decoder is None:
                        raise BadInput("files cannot be read at the moment - try again shortly")
                    entry.future.set_result(decoder.ask(entry.head, *entry.bodies))
            except Gone as error:
                entry.future.set_exception(error.said)
                self._ended(decoder)
                decoder = self._new()
            except BaseException as error:
                entry.future.set_exception(error)
            del entry, found  # or the last file's bytes stay until the next one comes
            with self._ready:
                self._busy.discard(session)
                self._ready.notify_all()
        self._ended(decoder)

    def _new(self) -> Decoder | None:
        """Another process; None if the system has none to give."""
        try:
            decoder = Decoder(self._limits)
        except OSError:
            return None
        with self._ready:
            self.decoders.append(decoder)
        return decoder

    def _alive(self, decoder: Decoder | None) -> Decoder | None:
        """The process, or another where it ended while nobody asked it anything."""
        if decoder is not None and decoder.is_alive():
            return decoder
        self._ended(decoder)
        return self._new()

    def _ended(self, decoder: Decoder | None) -> None:
        if decoder is not None:
            with self._ready:
                self.decoders.remove(decoder)
            decoder.end()

    def _next(self) -> tuple[str, _Entry] | None:
        """The next file; None when this process is not needed any more."""
        with self._ready:
            while not self._closed:
                found = self._lines.next(self._busy)
                if found is not None:
                    self._busy.add(found[0])
                    return found
                self._idle += 1
                came = self._ready.wait(self._idle_s)
                self._idle -= 1
                if not came and self._threads > 1:
                    break
            self._threads -= 1
            return None


@cache
def shared() -> Decoders:
    """Those of this server."""
    return Decoders()
