"""Tar archives, plain or packed by gzip, bzip2 or xz.

A packed tar has no list of its files and cannot be read from the middle, so it is unpacked once
into a scratch file, as one tar; from there its files are read as those of a zip are.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from models.errors import BadInput
from models.reading.files import check_bytes, check_name, check_ratio, plain_name, shown_name
from models.reading.store import Scratch

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PACKED: dict[bytes, Callable[[Path], object]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open,
}  # fmt: skip
_PIECE = 2**20


def is_tar_name(name: str) -> bool:
    """Whether a file's name says that it is a tar."""
    return name.lower().endswith(TAR_SUFFIXES)


def open_tar(path: Path, scratch: Scratch) -> tuple[tarfile.TarFile, list[tarfile.TarInfo]]:
    """A tar and its plain files sorted by name; links and devices are left out.

    Args:
        path: The archive.
        scratch: Where a packed one is unpacked.

    Raises:
        BadInput: It is no tar, a bomb or damaged, or has a name that leads outside of it.
    """
    label = shown_name(path.name)
    try:
        plain = _unpacked(path, scratch, label)
        file = plain.open("rb")
        archive = tarfile.TarFile(fileobj=file)
        weakref.finalize(archive, file.close)  # its files are read for as long as it is held
        entries = [info for info in archive if info.isreg()]
    except BadInput:
        raise
    except PermissionError as error:
        raise BadInput(
            f"{label} cannot be read ({error.strerror}) - check its permissions."
        ) from error
    except Exception as error:  # tarfile, gzip, bz2, lzma and zlib each raise their own
        raise BadInput(f"{label} is not a tar, or is cut off - pack the pictures again.") from error
    for info in entries:
        check_name(info.name, label)
    check_ratio(sum(info.size for info in entries), plain.stat().st_size, label)
    entries.sort(key=lambda info: plain_name(info.name))
    return archive, entries


def read_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, label: str) -> bytes:
    """The bytes of a small file in a tar, or BadInput."""
    name = f"{shown_name(info.name)} in {label}"
    check_bytes(info.size, name)
    try:
        return cast(IO[bytes], archive.extractfile(info)).read()
    except Exception as error:
        raise BadInput(f"{name} is damaged - pack the tar again.") from error


def _unpacked(path: Path, scratch: Scratch, label: str) -> Path:
    """The plain tar: the file itself, or what it unpacks to."""
    with path.open("rb") as file:
        head = file.read(6)
    opener = next((opener for magic, opener in _PACKED.items() if head.startswith(magic)), None)
    if opener is None:
        return path
    packed, total, plain = path.stat().st_size, 0, scratch.file("tar")
    with cast(IO[bytes], opener(path)) as source, plain.open("wb") as target:
        while piece := source.read(_PIECE):
            total += len(piece)
            check_ratio(total, packed, label)
            target.write(piece)
    return plain
