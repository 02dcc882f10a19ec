"""The bytes of pictures on disk: of one file, a folder, or a zip, all bounded.

A zip is read in memory and never unpacked to disk, and its whole list of names is checked
before the first member is read: no name may lead outside, and neither the count, the
total, nor the ratio of unpacked to packed may be a bomb's.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from models.errors import BadInput

MAX_BYTES = 32 * 2**20
MAX_ZIP_ENTRIES = 100_000
MAX_ZIP_DIRECTORY_BYTES = 16 * 2**20
MAX_ZIP_TOTAL_BYTES = 8 * 2**30
MAX_ZIP_RATIO = 100
ZIP_RATIO_MATTERS_BYTES = 64 * 2**20

SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k", ".gif", ".webp", ".avif")
    + (".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".ico", ".qoi")
)
# The longest end of a zip: zip64 record, its locator, the end record, a comment of 65,535.
_ZIP_TAIL_BYTES = 56 + 20 + 22 + 65_535


def shown_name(name: str) -> str:
    """A file's name as it may stand in a message: printable and short."""
    shown = "".join(c if c.isprintable() else "?" for c in name) or "the file"
    return shown if len(shown) <= 120 else f"{shown[:80]}…{shown[-39:]}"


def check_bytes(size: int, label: str) -> None:
    """Refuse an empty file and one of more than `MAX_BYTES`."""
    if size == 0:
        raise BadInput(f"{label} is empty (0 bytes) - copy or export it again.")
    if size > MAX_BYTES:
        raise BadInput(
            f"{label} has {size / 2**20:.1f} MiB, and at most {MAX_BYTES // 2**20} MiB are read - "
            "save it smaller, or as a JPEG."
        )


def read_file(path: Path, label: str) -> bytes:
    """The bytes of a picture file, or BadInput: it is missing, unreadable or too large."""
    _check_file(path, label)
    try:
        check_bytes(path.stat().st_size, label)
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(label, error) from error


def folder_names(path: Path) -> list[str]:
    """The picture files under a folder by their path inside it, sorted; or BadInput."""
    label = shown_name(str(path))
    if not path.is_dir():
        raise BadInput(f"{label} is not a folder - give the folder of the pictures.")
    found = (Path(folder) / file for folder, _, files in os.walk(path) for file in files)
    names = sorted(file.relative_to(path).as_posix() for file in found)
    names = [name for name in names if _is_picture_name(name)]
    if not names:
        raise _no_picture(label)
    return names


def zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The picture files in a zip, as (name inside it, bytes), sorted by name.

    Raises:
        BadInput: It is no zip, a bomb, encrypted or damaged, has a name that leads outside
            of it, or holds no picture.
    """
    label = shown_name(path.name)
    with _open_zip(path, label) as archive:
        for info in _picture_members(archive, path.stat().st_size, label):
            yield _plain_name(info), _read_member(archive, info, label)


def _is_picture_name(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES


def _check_file(path: Path, label: str) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"{label} does not exist - check the path.") from error
    except (OSError, ValueError) as error:
        raise _unreadable(label, error) from error
    if not stat.S_ISREG(mode):  # to open a pipe would wait for ever
        raise BadInput(f"{label} is not a file - give the path of one.")


def _unreadable(label: str, error: OSError | ValueError) -> BadInput:
    reason = (error.strerror if isinstance(error, OSError) else None) or "a bad name"
    return BadInput(f"{label} cannot be read ({reason}) - check its path and permissions.")


def _no_picture(label: str) -> BadInput:
    return BadInput(f"{label} holds no picture - put PNG, JPEG, WebP, GIF, BMP or TIFF files in.")


def _plain_name(info: zipfile.ZipInfo) -> str:
    return info.filename.replace("\\", "/")


@contextmanager
def _open_zip(path: Path, label: str) -> Iterator[zipfile.ZipFile]:
    _check_file(path, label)
    try:
        if _directory_bytes(path) > MAX_ZIP_DIRECTORY_BYTES:
            raise _bomb(label, "lists too many files")
        archive = zipfile.ZipFile(path)
    except PermissionError as error:
        raise _unreadable(label, error) from error
    except BadInput:
        raise
    except Exception as error:  # zipfile raises half a dozen kinds on damaged lists
        raise BadInput(
            f"{label} is not a zip, or is cut off - pack the pictures into a .zip again."
        ) from error
    with archive:
        yield archive


def _directory_bytes(path: Path) -> int:
    """The size of a zip's list of files by its end record; `zipfile` would read it all."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ZIP_TAIL_BYTES))
        tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or end + 16 > len(tail):
        return 0
    if end >= 76 and tail[end - 76 : end - 72] == b"PK\6\6":
        return struct.unpack_from("<Q", tail, end - 76 + 40)[0]
    return struct.unpack_from("<L", tail, end + 12)[0]


def _bomb(label: str, what: str) -> BadInput:
    return BadInput(f"{label} {what}, as a zip bomb does - pack the pictures alone.")


def _picture_members(archive: zipfile.ZipFile, zip_bytes: int, label: str) -> list[zipfile.ZipInfo]:
    """The members to read, sorted by name, once the whole list has proven harmless."""
    entries = archive.infolist()
    if len(entries) > MAX_ZIP_ENTRIES:
        raise _bomb(label, f"lists more than {MAX_ZIP_ENTRIES:,} files")
    for info in entries:
        name = _plain_name(info)
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            raise BadInput(
                f"{label} holds the name {shown_name(name)}, which leads outside of the zip - "
                "pack the pictures again from inside their folder."
            )
    files = (info for info in entries if not (info.is_dir() or _is_link(info)))
    members = sorted((i for i in files if _is_picture_name(_plain_name(i))), key=_plain_name)
    if not members:
        raise _no_picture(label)
    if any(info.flag_bits & 1 for info in members):
        raise BadInput(f"{label} is encrypted - pack the pictures without a password.")
    _check_ratio(members, zip_bytes, label)
    return members


def _check_ratio(members: list[zipfile.ZipInfo], zip_bytes: int, label: str) -> None:
    packed = sum(info.compress_size for info in members)
    total = sum(info.file_size for info in members)
    if packed > zip_bytes:
        raise _bomb(label, "has files that overlap")
    if total > MAX_ZIP_TOTAL_BYTES:
        raise _bomb(label, f"unpacks to more than {MAX_ZIP_TOTAL_BYTES / 2**30:.0f} GiB")
    if total > ZIP_RATIO_MATTERS_BYTES and total > MAX_ZIP_RATIO * packed:
        raise _bomb(label, f"unpacks to more than {MAX_ZIP_RATIO} times its size")


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> bytes:
    name = f"{shown_name(info.filename)} in {label}"
    check_bytes(info.file_size, name)
    try:
        return archive.read(info)  # reads no more than file_size, and checks the sum
    except Exception as error:  # zipfile, zlib, bz2 and lzma each raise their own
        raise BadInput(f"{name} is damaged - pack the zip again.") from error
