"""IDX files in MNIST's layout, plain or gzipped: images, and the labels beside them.

Source: the format as described with MNIST by Y. LeCun, C. Cortes and C. Burges.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np

from models.errors import BadInput
from models.reading.found import Found, marked, parts_of, with_channels
from models.reading.splits import settled
from models.reading.store import BLOCK_BYTES

MAX_IDX_BYTES = 64 * 2**30
MAX_GZIP_RATIO = 1032  # of deflate

_NAME = re.compile(r"images?[-._]idx\d-ubyte(\.gz)?$", re.IGNORECASE)
_TEST_NAME = re.compile(r"(^|[^a-z])(t10k|test)", re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"
_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


def is_idx_name(name: str) -> bool:
    """Whether a file is named like IDX images."""
    return _NAME.search(name) is not None


def find_idx(folder: Path) -> list[Path]:
    """The files of a folder that are named like IDX images, sorted; of `x` and `x.gz` only `x`."""
    found = [p for p in sorted(folder.iterdir()) if is_idx_name(p.name) and p.is_file()]
    return [p for p in found if p.suffix != ".gz" or p.with_suffix("") not in found]


def read_idx(paths: list[Path]) -> Found:
    """IDX images in MNIST's layout, plain or gzipped, with the labels beside them if any.

    Args:
        paths: One file of images, or one for training and one for testing.

    Raises:
        BadInput: A file is damaged, they do not fit together, or it is unclear which is which.
    """
    files = _in_order(paths)
    shapes = [_shape_of(path, (3, 4)) for path in files]
    if len(shapes) == 2 and shapes[0][1:] != shapes[1][1:]:
        sizes = ["×".join(map(str, shape[1:])) for shape in shapes]
        raise BadInput(
            f"{files[0].name} has pictures of {sizes[0]} and {files[1].name} of {sizes[1]} - "
            "both need one size"
        )
    found = [_labels_beside(path, shape[0]) for path, shape in zip(files, shapes, strict=True)]
    labels = [label for label in found if label is not None]
    notes: list[str] = []
    parts = None
    if len(files) == 2:
        parts, notes = settled(parts_of([("train", shapes[0][0]), ("test", shapes[1][0])]))
        notes.append("The split is that of the files.")
    if 0 < len(labels) < len(files):
        notes.append("One part has labels and the other has none, so there are none.")
    count = sum(shape[0] for shape in shapes)
    return Found(
        "idx", f"{count:,} pictures in IDX files ({', '.join(path.name for path in files)})", count,
        lambda mask: marked(chain.from_iterable(map(idx_pictures, files)), mask),
        parts, own_size=True, notes=tuple(notes),
        labels={"label": np.concatenate(labels)} if len(labels) == len(files) else {},
    )  # fmt: skip


def _in_order(paths: list[Path]) -> list[Path]:
    """The file for training, and then the one for testing if there is one."""
    test = [path for path in paths if _TEST_NAME.search(path.name)]
    train = [path for path in paths if path not in test]
    if len(paths) > 1 and (len(train) != 1 or len(test) > 1):
        raise BadInput(
            f"which of {', '.join(path.name for path in paths)} is for training? - keep one "
            "train-images-idx3-ubyte and one t10k-images-idx3-ubyte (.gz or not) in the folder"
        )
    return [*train, *test]


def idx_pictures(path: Path) -> Iterator[np.ndarray]:
    """The pictures of a file, block by block: uint8 with shape `(n, H, W, C)`.

    Raises:
        BadInput: It is cut short, or longer than its header says.
    """
    for rows in _blocks(path, (3, 4)):
        yield with_channels(rows, path.name)


def _labels_beside(images: Path, count: int) -> np.ndarray | None:
    """The labels beside a file of images, or None where there are none."""
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for path in (images.with_name(stem), images.with_name(f"{stem}.gz")):
        if path.is_file() and path != images:
            labels = np.concatenate(list(_blocks(path, (1,))))
            if len(labels) != count:
                raise BadInput(
                    f"{path.name} has {len(labels)} labels for the {count} pictures of "
                    f"{images.name} - they do not belong together; download both again"
                )
            return labels.astype(np.int64)
    return None


def _blocks(path: Path, ranks: tuple[int, ...]) -> Iterator[np.ndarray]:
    with _opened(path) as stream:
        shape = _header(stream, path, ranks)
        row = prod(shape[1:])
        rows = max(1, BLOCK_BYTES // row)
        for start in range(0, shape[0], rows):
            wanted = min(rows, shape[0] - start)
            data = stream.read(wanted * row)
            if len(data) < wanted * row:
                raise EOFError
            yield np.frombuffer(data, np.uint8).reshape(wanted, *shape[1:])
        if stream.read(1):
            raise BadInput(f"{path.name} is longer than its header says - download it again")


def _shape_of(path: Path, ranks: tuple[int, ...]) -> tuple[int, ...]:
    with _opened(path) as stream:
        shape = _header(stream, path, ranks)
    with_channels(np.empty((0, *shape[1:]), np.uint8), path.name)
    return shape


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The content, unzipped where it is zipped, whatever the name says."""
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == _GZIP_MAGIC
            plain.seek(0)
            yield cast(IO[bytes], gzip.GzipFile(fileobj=plain) if zipped else plain)
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise BadInput(f"{path.name} is cut short or damaged - download it again") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error


def _header(stream: IO[bytes], path: Path, ranks: tuple[int, ...]) -> tuple[int, ...]:
    zeros, kind, rank = struct.unpack(">HBB", stream.read(4))
    if zeros != 0 or kind not in _TYPES or rank == 0:
        raise BadInput(f"{path.name} is not an IDX file: wrong magic number - download it again")
    if kind != 0x08:
        raise BadInput(
            f"{path.name} holds no bytes but wider numbers - store it as unsigned bytes (0-255)"
        )
    if rank not in ranks:
        raise BadInput(
            f"{path.name} has {rank} dimensions where {ranks[0]} belong - is it another file?"
        )
    shape = struct.unpack(f">{rank}I", stream.read(4 * rank))
    most = min(MAX_IDX_BYTES, MAX_GZIP_RATIO * path.stat().st_size)
    if prod(shape) == 0 or prod(shape) > most:
        raise BadInput(
            f"{path.name} says it holds {shape} bytes, which cannot be - download it again"
        )
    return shape
