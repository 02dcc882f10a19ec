"""One process at a time: a lock on a file or a folder, which frees itself when its holder dies.

The lock is the operating system's own (`flock`), so an id that was given out again, a container
or another machine that shares the disk cannot be taken for its holder.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAR = 1 << 30  # Windows locks bytes: one behind all content, so that the file can be read
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class Held(OSError):
    """Another process holds the lock."""


@contextmanager
def exclusive(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a file, which is made, or of a folder, which must be there.

    Args:
        wait: Whether to wait for who holds it.

    Returns:
        Whether the lock is held: a few network disks have none.

    Raises:
        Held: Another one holds it, and `wait` is not set.
    """
    descriptor = _opened(path)
    try:
        try:
            _lock(descriptor, wait)
            held = True
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise Held(error.errno, "in use", str(path)) from error
            if error.errno not in NO_LOCKS:
                raise
            held = False
        yield held
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    if not path.is_dir():
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if sys.platform == "win32":  # where a folder cannot be opened
        return os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    return os.open(path, os.O_RDONLY)


def _lock(descriptor: int, wait: bool) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
