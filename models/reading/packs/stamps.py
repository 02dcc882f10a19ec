"""A stamp of a file or a folder: equal as long as nothing in it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from models.reading.packs.folders import walk
from models.reading.packs.tables import tables_beside


def stamp_of(path: Path) -> str:
    """One hash of the names, sizes and times of all files at a path, and of tables beside it.

    Raises:
        OSError: A file cannot be looked at.
        BadInput: A folder cannot be listed.
    """
    digest = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape"))
    for name, file in _files(path):
        status = file.stat()
        told = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\n"
        digest.update(told.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        yield from ((name, path / name) for name in walk(path).files)
    else:
        yield path.name, path
    yield from ((f"../{file.name}", file) for file in tables_beside(path))
