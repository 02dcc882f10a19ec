"""The bytes of pictures on disk: of one file, a folder, or a zip, all bounded.

A zip is read in memory and never unpacked to disk, and its whole list of names is checked
before the first member is read: no name may lead outside, and neither the total nor the ratio
of unpacked to packed may be a bomb's. The number of files is no sign of one: CelebA has 202,599.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath

from models.errors import BadInput

MAX_BYTES = 32 * 2**20
# A list of names is held in memory, some ten times as large as in the zip.
MAX_ZIP_DIRECTORY_BYTES = 256 * 2**20
# A total above the first is a bomb's if it is so many times the packed bytes: pictures are
# packed already. Below it only what unpacks to a hundred times its size is one.
MAX_TOTAL_BYTES = 8 * 2**30
MAX_TOTAL_RATIO = 10
MAX_RATIO = 100
RATIO_MATTERS_BYTES = 64 * 2**20

SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k", ".gif", ".webp", ".avif")
    + (".heic", ".heif", ".hif", ".heics", ".heifs")
    + (".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".ico", ".qoi")
)
HEAD_BYTES = 256  # enough to tell what a file is
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


def open_zip(path: Path) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """A zip, to be closed, and its files sorted by name, folders and links left out.

    Raises:
        BadInput: It is no zip, a bomb, encrypted or damaged, or has a name that leads outside
            of it.
    """
    label = shown_name(path.name)
    _check_file(path, label)
    try:
        size, listed = path.stat().st_size, _directory_bytes(path)
        if listed > min(size, MAX_ZIP_DIRECTORY_BYTES):
            raise bomb(label, "lists too many files")
        archive = zipfile.ZipFile(path)
    except PermissionError as error:
        raise _unreadable(label, error) from error
    except BadInput:
        raise
    except Exception as error:  # zipfile raises half a dozen kinds on damaged lists
        raise BadInput(
            f"{label} is not a zip, or is cut off - pack the pictures into a .zip again."
        ) from error
    try:
        return archive, _harmless(archive, size, label)
    except BaseException:
        archive.close()
        raise


def read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> bytes:
    """The bytes of a small file in a zip, or BadInput."""
    name = f"{shown_name(info.filename)} in {label}"
    check_bytes(info.file_size, name)
    try:
        return archive.read(info)  # reads no more than file_size, and checks the sum
    except Exception as error:  # zipfile, zlib, bz2 and lzma each raise their own
        raise BadInput(f"{name} is damaged - pack the zip again.") from error


def is_picture_name(name: str) -> bool:
    """Whether a path, with slashes, is that of a picture, and not hidden."""
    return not is_hidden(name) and PurePosixPath(name).suffix.lower() in SUFFIXES


def is_hidden(name: str) -> bool:
    """Whether a path, with slashes, is hidden, or one of the twins that macOS puts into zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def is_link(info: zipfile.ZipInfo) -> bool:
    """Whether an entry of a zip is a link."""
    return stat.S_ISLNK(info.external_attr >> 16)


def plain_name(name: str) -> str:
    """A name inside an archive with slashes."""
    return name.replace("\\", "/").removeprefix("./")


def check_name(name: str, label: str) -> None:
    """Refuse a name inside an archive that leads outside of it."""
    name = name.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        raise BadInput(
            f"{label} holds the name {shown_name(name)}, which leads outside of it - "
            "pack the pictures again from inside their folder."
        )


def check_ratio(total: int, packed: int, label: str) -> None:
    """Refuse an archive that unpacks from `packed` to `total` bytes as only a bomb does."""
    if total > MAX_TOTAL_BYTES and total > MAX_TOTAL_RATIO * packed:
        raise bomb(label, f"unpacks to more than {MAX_TOTAL_BYTES / 2**30:.0f} GiB")
    if total > RATIO_MATTERS_BYTES and total > MAX_RATIO * packed:
        raise bomb(label, f"unpacks to more than {MAX_RATIO} times its size")


def bomb(label: str, what: str) -> BadInput:
    """The error for an archive that is a bomb."""
    return BadInput(f"{label} {what}, as a zip bomb does - pack the pictures alone.")


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


def _harmless(archive: zipfile.ZipFile, zip_bytes: int, label: str) -> list[zipfile.ZipInfo]:
    """The files of a zip, sorted by name, once the whole list has proven harmless."""
    entries = archive.infolist()
    for info in entries:
        check_name(info.filename, label)
    members = [info for info in entries if not (info.is_dir() or is_link(info))]
    members.sort(key=lambda info: plain_name(info.filename))
    if any(info.flag_bits & 1 for info in members):
        raise BadInput(f"{label} is encrypted - pack the pictures without a password.")
    packed = sum(info.compress_size for info in members)
    if packed > zip_bytes:
        raise bomb(label, "has files that overlap")
    check_ratio(sum(info.file_size for info in members), packed, label)
    return members
