"""Where decoded pictures lie: in memory while they are few, else in files that are mapped.

A set larger than memory is decoded once. Its pixels are written to a scratch folder of their own
under the user's cache folder, mapped from there, and kept under a key for the next time
(`models.reading.kept_sets`).
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from models.errors import BadInput
from models.storage.atomic import cache_folder

IN_MEMORY_BYTES = 64 * 2**20  # of one array; more goes to a file
BLOCK_BYTES = 8 * 2**20  # what is read, converted or hashed at once


def sets_folder() -> Path:
    """Where decoded sets and scratch folders are; it may not exist."""
    return cache_folder() / "sets"


class Scratch:
    """A folder that is made when the first file is asked for, and removed with its owner."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._count = 0

    def file(self, name: str) -> Path:
        """A path for a new file."""
        if self.folder is None:
            try:
                sets_folder().mkdir(parents=True, exist_ok=True)
                self.folder = Path(tempfile.mkdtemp(prefix=".new-", dir=sets_folder()))
            except OSError as error:
                raise BadInput(
                    f"{sets_folder()} cannot be written ({error.strerror}), and these pictures "
                    "do not fit into memory - set XDG_CACHE_HOME to a folder with space."
                ) from error
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._count += 1
        return self.folder / f"{name}-{self._count}"


class Growing:
    """Rows of one shape and type, added one block after the other.

    Args:
        scratch: Where they go once they are more than `IN_MEMORY_BYTES`.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch, self._rows, self._bytes = scratch, [], 0
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self._first: np.ndarray | None = None
        self.count = 0

    def add(self, rows: np.ndarray) -> None:
        """Add rows `(n, …)`."""
        if len(rows) == 0:
            return
        if self._first is None:
            self._first = rows[:1].copy()
        self.count += len(rows)
        self._rows.append(rows)
        self._bytes += rows.nbytes
        if self._file is None and self._bytes > IN_MEMORY_BYTES:
            self._path = self._scratch.file("rows")
            self._file = self._path.open("wb", buffering=2**20)
            weakref.finalize(self, self._file.close)  # of a store that is given up
        if self._file is not None:
            self._write()

    def array(self) -> np.ndarray:
        """All rows as one array; from a file it is mapped, read-only."""
        if self._first is None:
            raise ValueError("no rows were added")
        if self._file is None:
            return np.concatenate(self._rows)
        assert self._path is not None
        self._flush()
        shape = (self.count, *self._first.shape[1:])
        return np.memmap(self._path, self._first.dtype, "r", shape=shape)

    def _write(self) -> None:
        assert self._file is not None
        try:
            for rows in self._rows:
                self._file.write(np.ascontiguousarray(rows).data)
        except OSError as error:
            raise _full(error) from error
        self._rows.clear()

    def _flush(self) -> None:
        assert self._file is not None
        try:
            self._file.close()
        except OSError as error:
            raise _full(error) from error


def _full(error: OSError) -> BadInput:
    return BadInput(
        f"the decoded pictures do not fit into {sets_folder()} ({error.strerror}) - free some "
        "space there, set XDG_CACHE_HOME to another folder, or choose a smaller --image-size."
    )


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """An array in slices of about `BLOCK_BYTES`; the pages of a mapped one are let go again."""
    rows = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        let_go(array)


def let_go(array: np.ndarray) -> None:
    """Give back the memory that holds pages of a mapped file; they are read again when needed."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and base.mode == "r" and isinstance(base.base, mmap.mmap):
            base.base.madvise(mmap.MADV_DONTNEED)
        base = base.base
