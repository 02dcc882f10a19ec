"""Folders that change all at once: a crash leaves the old files or the new ones, never a mix.

New files are written to `FOLDER/.new/`; one rename to `FOLDER/.commit/` is the moment they
count; then each moves into place. What still lies in `.commit` goes before what lies beside it,
so that at every moment a folder holds the files of one version. A file is never written in
place: a reader who has all of them open, and finds that they are still the folder's, has one
version (`read_folder`). Writers take turns.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from models.errors import BadInput
from models.storage.locks import exclusive

_NEW, _COMMIT = ".new", ".commit"
PATIENCE_S = 30.0
FULL = (errno.ENOSPC, errno.EDQUOT)
Identity = tuple[int, int, int, int]  # of a file: device, inode, time and size


def write_folder(
    folder: Path, files: Mapping[str, bytes], check: Callable[[], None] = lambda: None
) -> None:
    """Replace or add `files` (name to content) in `folder`, all or none.

    Args:
        check: Called when no one else writes; what it raises leaves the old files.

    Raises:
        BadInput: The disk is full or the folder cannot be written; the old files stand.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder):
            _finish(folder)
            check()
            _replace(folder, files)
    except OSError as error:
        raise BadInput(_why(folder, error)) from error


def read_folder(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The content of those of the named files that a folder has, all of one version.

    Raises:
        BadInput: The folder changed all the time.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        with ExitStack() as stack:
            opened = {name: _opened(folder, name, stack) for name in names}
            if all(_identity(folder, name) == _of(file) for name, file in opened.items()):
                return {name: file.read() for name, file in opened.items() if file}
        if time.monotonic() > until:
            raise BadInput(f"'{folder}' is being written all the time: try again in a moment.")


def current(folder: Path, name: str) -> Path:
    """Where the newest committed `name` of a folder lies; it may not exist."""
    pending = folder / _COMMIT / name
    return pending if pending.exists() else folder / name


def holds(folder: Path, name: str) -> bool:
    """Whether a folder has a file of this name, also while it is moved into place."""
    return _identity(folder, name) is not None


def write_file(path: Path, content: bytes) -> None:
    """Replace one file at once; the same errors as `write_folder`."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_durably(fresh, content)
        os.replace(fresh, path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise BadInput(_why(path, error)) from error


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file; the same errors as `write_folder`."""
    try:
        with path.open("ab") as file:
            file.write(content)
    except OSError as error:
        raise BadInput(_why(path, error)) from error


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    fresh = folder / _NEW
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir()
        for name, content in files.items():
            _write_durably(fresh / name, content)
        os.rename(fresh, folder / _COMMIT)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _finish(folder)


def _finish(folder: Path) -> None:
    """Move committed files into place; safe to repeat after a crash at any point."""
    commit = folder / _COMMIT
    if not commit.is_dir():
        return
    for path in sorted(commit.iterdir()):
        os.replace(path, folder / path.name)
    commit.rmdir()


def _opened(folder: Path, name: str, stack: ExitStack) -> BinaryIO | None:
    """The newest committed file of a name; None if there is none, or it moved just now."""
    try:
        return stack.enter_context(current(folder, name).open("rb"))
    except (FileNotFoundError, IsADirectoryError):
        return None


def _identity(folder: Path, name: str) -> Identity | None:
    """Which file a name stands for now."""
    path = current(folder, name)
    try:
        return _numbers(path.stat()) if path.is_file() else None
    except FileNotFoundError:
        return _identity(folder, name)  # it moved into place between two looks


def _of(file: BinaryIO | None) -> Identity | None:
    return None if file is None else _numbers(os.fstat(file.fileno()))


def _numbers(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def cache_folder() -> Path:
    """The user's cache folder of this project; it may not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "strata"


def plain(error: BadInput | OSError) -> str:
    """What a person reads of bad input or of a failed file operation."""
    if isinstance(error, BadInput):
        return str(error)
    path = Path(str(error.filename or "a file"))
    if error.errno in FULL:
        return _why(path, error)
    return f"'{path}' could not be read or written ({error.strerror or error})."


def _why(path: Path, error: OSError) -> str:
    if error.errno in FULL:
        return (
            f"the disk is full, so '{path}' could not be saved; what was there before is "
            "unchanged. Free some space and save again."
        )
    return f"'{path}' could not be written ({error.strerror}); what was there before is unchanged."
