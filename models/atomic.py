"""Folders that change all at once: a crash leaves the old files or the new ones, never a mix.

New files are written to `FOLDER/.new/`; one rename to `FOLDER/.commit/` is the moment they
count; then each moves into place. A reader prefers what still lies in `.commit`, so it sees
the new state from that rename on, and the old one before it.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from models.errors import BadInput

_NEW, _COMMIT = ".new", ".commit"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace or add `files` (name to content) in `folder`, all or none.

    Raises:
        BadInput: The disk is full or the folder cannot be written; the old files stand.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _finish(folder)
        fresh = folder / _NEW
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for name, content in files.items():
            _write_durably(fresh / name, content)
        os.rename(fresh, folder / _COMMIT)
        _finish(folder)
    except OSError as error:
        shutil.rmtree(folder / _NEW, ignore_errors=True)
        raise BadInput(_why(folder, error)) from error


def current(folder: Path, name: str) -> Path:
    """Where the newest committed `name` of a folder lies; it may not exist."""
    pending = folder / _COMMIT / name
    return pending if pending.exists() else folder / name


def write_file(path: Path, content: bytes) -> None:
    """Replace one file at once; the same errors as `write_folder`."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_durably(fresh, content)
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise BadInput(_why(path, error)) from error


def _finish(folder: Path) -> None:
    """Move committed files into place; safe to repeat after a crash at any point."""
    commit = folder / _COMMIT
    if not commit.is_dir():
        return
    for path in sorted(commit.iterdir()):
        os.replace(path, folder / path.name)
    commit.rmdir()


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
    return _why(Path(str(error.filename or "the file")), error)


def _why(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return (
            f"the disk is full, so '{path}' could not be saved; what was there before is "
            "unchanged. Free some space and save again."
        )
    return f"'{path}' could not be written ({error.strerror}); what was there before is unchanged."
