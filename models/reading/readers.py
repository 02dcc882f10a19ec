"""One reader a kind of file: each gives the pictures as they are, or says what is wrong.

A reader knows nothing of the model: what size and how many channels are wanted, and how to
split, is for `models.data`. Files come from strangers, so sizes that a header promises are
checked before memory is taken, and nothing is ever unpickled.
"""

from __future__ import annotations

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np
from PIL import Image

from models.errors import BadInput
from models.reading.pictures import fit_square, iter_folder_pictures, iter_zip_pictures

MAX_ARRAY_BYTES = 2 * 1024**3
SMALL_SIDE = 40  # pictures all smaller than this become 28 pixels wide, others 64

_IDX_NAME = re.compile(r"images?[-._]idx\d-ubyte(\.gz)?$", re.IGNORECASE)
_TEST_NAME = re.compile(r"(^|[^a-z])(t10k|test)", re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"
_IDX_TYPES = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}  # type code: bytes


@dataclass(frozen=True)
class Raw:
    """What a reader found.

    Attributes:
        kind: "idx", "npz", "folder", "zip", "hf", "avatars" or "photos".
        train: uint8 with shape `(N, H, W, C)`; all pictures where `test` is None.
        test: The test set that the source names, or None if it is for us to split.
        names: The name of each picture where it has one; a split goes by it.
        labels: Per label int64 with shape `(N,)`, the train rows first.
        classes: Per label the names of its classes, where known.
        facts: What else belongs on the data card.
    """

    kind: str
    train: np.ndarray
    test: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)


def find_idx(folder: Path) -> list[Path]:
    """The files of a folder that are named like IDX images, sorted; of `x` and `x.gz` only `x`."""
    found = [p for p in sorted(folder.iterdir()) if _IDX_NAME.search(p.name) and p.is_file()]
    return [p for p in found if p.suffix != ".gz" or p.with_suffix("") not in found]


def read_idx(paths: list[Path]) -> Raw:
    """IDX images in MNIST's layout, plain or gzipped, with the labels beside them if any.

    Args:
        paths: One file of images, or one for training and one for testing.

    Raises:
        BadInput: A file is damaged, they do not fit together, or it is unclear which is which.
    """
    test = [path for path in paths if _TEST_NAME.search(path.name)]
    train = [path for path in paths if path not in test]
    if len(train) != 1 or len(test) > 1:
        if len(paths) != 1:
            raise BadInput(
                f"which of {', '.join(path.name for path in paths)} is for training? - keep one "
                "train-images-idx3-ubyte and one t10k-images-idx3-ubyte (.gz or not) in the folder"
            )
        train, test = paths, []
    parts = [read_idx_file(path, "images") for path in (*train, *test)]
    if len(parts) == 2 and parts[0].shape[1:] != parts[1].shape[1:]:
        raise BadInput(
            f"{train[0].name} has pictures of {_size(parts[0])} and {test[0].name} of "
            f"{_size(parts[1])} - both need one size"
        )
    labels = [
        _idx_labels(path, len(part)) for path, part in zip((*train, *test), parts, strict=True)
    ]
    found = [label for label in labels if label is not None]
    return Raw(
        kind="idx",
        train=parts[0],
        test=parts[1] if test else None,
        labels={"label": np.concatenate(found)} if len(found) == len(parts) else {},
    )


def _idx_labels(images: Path, count: int) -> np.ndarray | None:
    """The labels beside a file of images, or None where there are none."""
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for path in (images.with_name(stem), images.with_name(f"{stem}.gz")):
        if path.is_file() and path != images:
            labels = read_idx_file(path, "labels")
            if len(labels) != count:
                raise BadInput(
                    f"{path.name} has {len(labels)} labels for the {count} pictures of "
                    f"{images.name} - they do not belong together; download both again"
                )
            return labels.astype(np.int64)
    return None


def read_idx_file(path: Path, what: str) -> np.ndarray:
    """One IDX file.

    Args:
        path: Plain or gzipped; the content decides, not the name.
        what: "images", for uint8 with shape `(N, H, W, C)`, or "labels", with shape `(N,)`.

    Raises:
        BadInput: It is no IDX file of that sort, cut short, or longer than its header says.
    """
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == _GZIP_MAGIC
            plain.seek(0)
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=plain) if zipped else plain)
            shape = _idx_shape(stream, path.name, (3, 4) if what == "images" else (1,))
            data = stream.read(prod(shape))
            if len(data) < prod(shape):
                raise EOFError
            if stream.read(1):
                raise BadInput(f"{path.name} is longer than its header says - download it again")
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise BadInput(f"{path.name} is cut short or damaged - download it again") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    array = np.frombuffer(bytearray(data), np.uint8).reshape(shape)  # torch wants it writable
    return with_channels(array, path.name) if what == "images" else array


def _idx_shape(stream: IO[bytes], name: str, ranks: tuple[int, ...]) -> tuple[int, ...]:
    zeros, kind, rank = struct.unpack(">HBB", stream.read(4))
    if zeros != 0 or kind not in _IDX_TYPES or rank == 0:
        raise BadInput(f"{name} is not an IDX file: wrong magic number - download it again")
    if kind != 0x08:
        raise BadInput(
            f"{name} holds no bytes but wider numbers - store it as unsigned bytes (0-255)"
        )
    if rank not in ranks:
        raise BadInput(
            f"{name} has {rank} dimensions where {ranks[0]} belong - is it another file?"
        )
    shape = struct.unpack(f">{rank}I", stream.read(4 * rank))
    if prod(shape) == 0 or prod(shape) > MAX_ARRAY_BYTES:
        raise BadInput(f"{name} says it holds {shape} bytes, which cannot be - download it again")
    return shape


def read_npz(path: Path) -> Raw:
    """An `.npz` with the arrays `train` and `test`, or one array `images` (or only `train`).

    Pictures have shape `(N, H, W)` or `(N, H, W, C)`, uint8 or floats in [0, 1]. Integer
    arrays named `label_…` with one entry a picture (train rows first) are kept as labels.

    Raises:
        BadInput: Anything else, with the reason.
    """
    arrays, names = _npz_arrays(path)
    train = arrays.get("train", arrays.get("images"))
    if train is None or ("train" in arrays and "images" in arrays):
        raise BadInput(f"{path.name} has the arrays: {names} - name them train and test, or images")
    return _npz_pictures(path.name, train, arrays)


def _npz_arrays(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays that matter, and the names of all for a message."""
    do = "save it with numpy.savez(file, train=…, test=…)"
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_ARRAY_BYTES:
                raise BadInput(f"{path.name} unpacks to more than 2 GiB - keep fewer pictures")
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if _is_wanted(name)}
            names = ", ".join(file.files) or "none"
    except BadInput:  # a ValueError too, but it has its reason already
        raise
    except zipfile.BadZipFile as error:
        raise BadInput(f"{path.name} is not an .npz file, or it is damaged - {do}") from error
    except ValueError as error:
        objects = "pickle" in str(error)
        why = "holds Python objects, which are never loaded" if objects else "is damaged"
        raise BadInput(f"{path.name} {why} - {do} from plain number arrays") from error
    except (EOFError, zlib.error, MemoryError, RuntimeError) as error:
        raise BadInput(f"{path.name} is cut short, damaged or encrypted - {do}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise BadInput(
            f"{path.name} is a zip of other files - {do}, or name a zip of pictures .zip"
        )
    return arrays, names


def _is_wanted(name: str) -> bool:
    return name in ("train", "test", "images") or name.startswith("label_")


def _npz_pictures(name: str, first: np.ndarray, arrays: dict[str, np.ndarray]) -> Raw:
    train = as_bytes(first, f"{name}, array {'train' if 'train' in arrays else 'images'}")
    test = as_bytes(arrays["test"], f"{name}, array test") if "test" in arrays else None
    if test is not None and test.shape[1:] != train.shape[1:]:
        raise BadInput(
            f"{name}: train has pictures of {_size(train)} and test of {_size(test)} - "
            "both need one size"
        )
    count = len(train) + (0 if test is None else len(test))
    labels = {}
    for key in (key for key in arrays if key.startswith("label_")):
        label = arrays[key]
        if label.shape != (count,) or not np.issubdtype(label.dtype, np.integer):
            raise BadInput(
                f"{name}: {key} is {label.dtype} with shape {label.shape} - labels are integers "
                f"with shape ({count},)"
            )
        labels[key.removeprefix("label_")] = label.astype(np.int64)
    return Raw(kind="npz", train=train, test=test, labels=labels)


def as_bytes(array: np.ndarray, name: str) -> np.ndarray:
    """Pictures as uint8 with shape `(N, H, W, C)`; floats in [0, 1] are scaled by 255.

    Raises:
        BadInput: Another type or shape, a value that is no number or outside [0, 1].
    """
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise BadInput(f"{name} is of type {array.dtype} - store uint8, or floats from 0 to 1")
        if not np.isfinite(array).all():
            raise BadInput(f"{name} holds NaN or infinity - remove those pictures or mend them")
        if array.size and (array.min() < 0 or array.max() > 1):
            raise BadInput(
                f"{name} holds floats from {array.min():.4g} to {array.max():.4g} - scale them to "
                "0 … 1 (divide by 255, for instance), or store uint8"
            )
        array = np.rint(array.astype(np.float32) * 255).astype(np.uint8)
    return with_channels(array, name)


def with_channels(array: np.ndarray, name: str) -> np.ndarray:
    """`(N, H, W)` or `(N, H, W, C)` as `(N, H, W, C)` with C = 1 or 3, or BadInput."""
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise BadInput(f"{name} has shape {array.shape} - pictures have (N, H, W) or (N, H, W, C)")
    if array.shape[3] not in (1, 3):
        first = array.shape[1] in (1, 3)
        do = "move the channels to the end" if first else "keep 1 (grey) or 3 (RGB) channels"
        raise BadInput(
            f"{name} has shape {array.shape}, {array.shape[3]} channels at the end - {do}"
        )
    if array.shape[1] == 0 or array.shape[2] == 0:
        raise BadInput(f"{name} has shape {array.shape}: its pictures are empty - save it again")
    return array


def read_pictures(path: Path, image_size: int | None, channels: int | None) -> Raw:
    """A folder or a zip of picture files of any sizes and modes, made square and of one size.

    Raises:
        BadInput: There is no picture, or one cannot be read.
    """
    folder = path.is_dir()
    stream = iter_folder_pictures(path) if folder else iter_zip_pictures(path)
    names, pictures = collect(stream, image_size, channels)
    return Raw("folder" if folder else "zip", pictures, names=names)


def collect(
    stream: Iterable[tuple[str, Image.Image]],
    image_size: int | None,
    channels: int | None,
    on_picture: Callable[[], object] = lambda: None,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Fit a stream of pictures to one square size while it passes, so that it needs no memory.

    Args:
        stream: Names and pictures of mode "L" or "RGB".
        image_size: The side; by default 28 if every picture is smaller than 40, else 64.
        channels: 1 or 3; by default 3.
        on_picture: Called after each picture.

    Returns:
        The names, and uint8 with shape `(N, size, size, C)`.
    """
    names: list[str] = []
    fitted: dict[int, list[np.ndarray]] = {
        s: [] for s in ((28, 64) if image_size is None else (image_size,))
    }
    for name, image in stream:
        if image_size is None and max(image.size) >= SMALL_SIDE:
            fitted.pop(28, None)
        for size, pictures in fitted.items():
            pictures.append(fit_square(image, (channels or 3, size, size)))
        names.append(name)
        on_picture()
    size = min(fitted)
    pictures = fitted[size]
    empty = np.empty((0, size, size, channels or 3), np.uint8)
    return tuple(names), np.stack(pictures) if pictures else empty


def _size(array: np.ndarray) -> str:
    return "×".join(str(side) for side in array.shape[1:3]) + f" with {array.shape[3]} channel(s)"
