"""The arrays of an `.npz`, known by their headers: mapped where they are stored, else streamed.

Nothing is loaded whole, so an archive of several gigabytes takes a few megabytes of memory, and
nothing is ever unpickled.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from models.errors import BadInput
from models.reading.files import MAX_RATIO, bomb
from models.reading.store import BLOCK_BYTES, IN_MEMORY_BYTES, blocks

MAX_LABEL_BYTES = 2**30
MAX_UNPACKED_BYTES = 8 * 2**30  # below it any ratio is let pass: drawings may pack to a hundredth
DO = "save it with numpy.savez(file, train=…, test=…)"
_LOCAL_HEADER = struct.Struct("<4s22x2H")


@dataclass(frozen=True)
class StoredArray:
    """An array in an `.npz`.

    Attributes:
        path: The file.
        member: Its name in there.
        shape: As its header says.
        dtype: Of numbers.
        offset: Bytes before its data, after it is unpacked.
        mapped: All of it, where it is stored as it is and large.
    """

    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    mapped: np.ndarray | None

    @property
    def name(self) -> str:
        return self.member.removesuffix(".npy")

    def blocks(self) -> Iterator[np.ndarray]:
        """Its rows, block by block.

        Raises:
            BadInput: It is damaged.
        """
        if self.mapped is not None:
            yield from blocks(self.mapped)
            return
        row = max(1, prod(self.shape[1:]) * self.dtype.itemsize)
        rows = max(1, BLOCK_BYTES // row)
        with (
            _reading(self.path),
            zipfile.ZipFile(self.path) as archive,
            archive.open(self.member) as stream,
        ):
            stream.read(self.offset)
            for start in range(0, self.shape[0], rows):
                wanted = min(rows, self.shape[0] - start)
                data = stream.read(wanted * row)
                if len(data) < wanted * row:
                    raise EOFError
                yield np.frombuffer(data, self.dtype).reshape(wanted, *self.shape[1:])
            stream.read(1)  # so that its sum is checked

    def load(self) -> np.ndarray:
        """All of a small one, such as labels."""
        if prod(self.shape) * self.dtype.itemsize > MAX_LABEL_BYTES:
            raise BadInput(f"{self.path.name}: {self.name} has {self.shape} numbers - {DO}")
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.blocks()])


def stored_arrays(path: Path) -> dict[str, StoredArray]:
    """The arrays of an `.npz` by their names; no data is read.

    Raises:
        BadInput: It is no `.npz`, damaged, encrypted or a bomb, or holds Python objects.
    """
    with _reading(path), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if members and not any(info.filename.endswith(".npy") for info in members):
            raise BadInput(
                f"{path.name} is a zip of other files - {DO}, or name a zip of pictures .zip"
            )
        packed = sum(info.compress_size for info in members)
        if packed > path.stat().st_size:
            raise bomb(path.name, "has files that overlap")
        if sum(info.file_size for info in members) > max(MAX_UNPACKED_BYTES, MAX_RATIO * packed):
            raise bomb(path.name, f"unpacks to more than {MAX_UNPACKED_BYTES / 2**30:g} GiB")
        found = [_stored(path, archive, i) for i in members if i.filename.endswith(".npy")]
    return {array.name: array for array in found}


def _stored(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> StoredArray:
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(stream)
        offset = stream.tell()
    name, data = info.filename, prod(shape) * dtype.itemsize
    if dtype.hasobject:
        raise BadInput(
            f"{path.name} holds Python objects, which are never loaded - {DO} from plain number "
            f"arrays in place of {name}"
        )
    if offset + data != info.file_size:
        raise EOFError
    if fortran and len(shape) > 1:
        raise BadInput(
            f"{path.name}: {name} is stored column by column - {DO} from numpy.ascontiguousarray(…)"
        )
    mapped = None
    if info.compress_type == zipfile.ZIP_STORED and data > IN_MEMORY_BYTES:
        mapped = np.memmap(path, dtype, "r", _data_at(path, info) + offset, shape)
    return StoredArray(path, name, shape, dtype, offset, mapped)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)  # a later one differs in its field names


def _data_at(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: after its own header, which may differ from the list's."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        magic, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if magic != b"PK\3\4":
        raise zipfile.BadZipFile
    return info.header_offset + _LOCAL_HEADER.size + name + extra


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What goes wrong in the file becomes BadInput."""
    try:
        yield
    except BadInput:  # a ValueError too, but it has its reason already
        raise
    except zipfile.BadZipFile as error:
        raise BadInput(f"{path.name} is not an .npz file, or it is damaged - {DO}") from error
    except (ValueError, TypeError, struct.error) as error:
        raise BadInput(f"{path.name} is damaged - {DO} from plain number arrays") from error
    except (EOFError, zlib.error, MemoryError, RuntimeError, NotImplementedError) as error:
        raise BadInput(f"{path.name} is cut short, damaged or encrypted - {DO}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
