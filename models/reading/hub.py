"""Tables of pictures by the optional package `datasets`: `hf:OWNER/NAME`, and Parquet files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import BadInput
from models.reading.arrays.npz_labels import is_label
from models.reading.found import Block, Found, Source, parts_of
from models.reading.packs.packs import picture_blocks
from models.reading.splits import TEST, TRAIN, VAL, part_of, settled

LOCAL = "give local files instead: IDX files, a folder or zip of pictures, an .npz, or avatars"

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def open_hub(name: str) -> Source:
    """A data set whose first column of pictures is read, its class labels beside it.

    Args:
        name: OWNER/NAME on the Hub.

    Raises:
        BadInput: The package or the network is missing, there is no such set, or it holds no
            pictures.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"hf:{name} names no data set - write hf:OWNER/NAME, as in hf:ylecun/mnist")
    splits = _load(f"hf:{name}", name)
    prints = [str(getattr(table, "_fingerprint", "")) for table in splits.values()]
    stamp = " ".join([name, *prints]) if all(prints) else ""
    return Source(stamp, lambda: _found("hf", f"hf:{name}", splits))


def read_parquet(paths: Sequence[Path]) -> Found:
    """Parquet files; their names say which are for training and which for testing.

    Raises:
        BadInput: The package is missing, or they are damaged or hold no pictures.
    """
    files: dict[str, list[str]] = {}
    for path in paths:
        files.setdefault(part_of(path.stem) or TRAIN, []).append(str(path))
    label = paths[0].name if len(paths) == 1 else f"{len(paths)} Parquet files"
    return _found("parquet", label, _load(label, "parquet", data_files=files))


def _found(kind: str, label: str, splits: Mapping[str, Any]) -> Found:
    by_part = {part_of(split): table for split, table in reversed([*splits.items()])}
    if TRAIN not in by_part:
        raise BadInput(f"{label} has no split named train, only {', '.join(splits)} - {LOCAL}")
    train = by_part[TRAIN]
    kinds = train.features.items()
    column = next((key for fits in _PICTURES for key, kind in kinds if fits(kind)), None)
    if column is None:
        columns = ", ".join(train.features)
        raise BadInput(f"{label} has no column of pictures ({columns}) - choose an image data set")
    tables = {part: by_part[part] for part in (TRAIN, VAL, TEST) if part in by_part}
    parts, notes = None, []
    if len(tables) > 1:
        parts, notes = settled(parts_of([(part, len(table)) for part, table in tables.items()]))
        notes = ["The split is that of the source.", *notes]
    other = [split for split in splits if part_of(split) not in tables]
    if other:
        notes.append(f"Not read: the splits {', '.join(other)}.")
    labels = [
        key
        for key, kind in kinds
        if (_is(kind, "ClassLabel") or (is_label(key) and "int" in str(_dtype(kind))))
        and all(key in table.features for table in tables.values())
    ]
    named = {key: getattr(train.features[key], "names", None) for key in labels}
    licence = getattr(train.info, "license", None)
    count = sum(len(table) for table in tables.values())
    return Found(
        kind, f"{count:,} pictures in the column {column}", count,
        partial(_blocks, list(tables.values()), column), parts,
        labels={key: _labels(tables.values(), key) for key in labels},
        classes={key: tuple(names) for key, names in named.items() if names},
        facts={"licence": licence} if licence else {}, notes=tuple(notes),
    )  # fmt: skip


def _file(cell: Any, name: str) -> bytes | Path | BadInput:
    """The file in a cell: its bytes, or where it lies."""
    if isinstance(cell, bytes):
        return cell
    if cell is None or not (cell.get("bytes") or cell.get("path")):
        return BadInput(f"{name} is missing - choose another data set")
    return cell["bytes"] or Path(cell["path"])


def _load(label: str, *names: str, **options: Any) -> dict[str, Any]:
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise BadInput(
            f"{label} needs the package datasets - run `pip install datasets`, or {LOCAL}"
        ) from error
    try:
        return dict(datasets.load_dataset(*names, **options))
    except (ConnectionError, FileNotFoundError) as error:
        # "Not found" derives from the latter, and so does a Hub file that is out of reach.
        if isinstance(error, ConnectionError) or "LocalEntryNotFound" in str(error):
            raise BadInput(
                f"{label}: the Hugging Face Hub cannot be reached - check the network, or {LOCAL}"
            ) from error
        raise BadInput(
            f"{label} is not on the Hub, or it is private - check the name, or {LOCAL}"
        ) from error
    except Exception as error:  # a foreign library and a foreign data set: anything can happen
        reason = str(error).strip().split("\n")[0][:200]
        raise BadInput(
            f"{label} cannot be loaded ({type(error).__name__}: {reason}) - check the network "
            f"and the name, or {LOCAL}"
        ) from error


def _labels(tables: Any, column: str) -> np.ndarray:
    return np.concatenate([np.asarray(table[column], np.int64) for table in tables])


def _is(kind: object, name: str) -> bool:
    """Whether a column is of that kind of feature; by name, so that tests need no `datasets`."""
    return type(kind).__name__ == name


def _dtype(kind: object) -> object:
    return getattr(kind, "dtype", "") if _is(kind, "Value") else ""


# What may hold pictures, the likeliest first: a column that says so; the files as plain Parquet has
# them, with bytes and path; bytes alone.
_PICTURES: tuple[Callable[[object], bool], ...] = (
    lambda kind: _is(kind, "Image"),
    lambda kind: isinstance(kind, dict) and "bytes" in kind,
    lambda kind: _dtype(kind) in ("binary", "large_binary"),
)


def _stored(table: Any, column: str) -> Any:
    """A table whose column of pictures gives the files as they were stored."""
    kind = table.features[column]
    return table.cast_column(column, type(kind)(decode=False)) if _is(kind, "Image") else table


def _blocks(tables: list[Any], column: str, mask: np.ndarray) -> Iterator[Block]:
    """The files as they were stored, so that they are decoded as guardedly as any upload."""

    def sources() -> Iterator[tuple[int, bytes | Path | BadInput, str]]:
        rows = chain.from_iterable(_stored(table, column) for table in tables)
        for index, row in enumerate(rows):
            if mask[index]:
                name = f"picture {index} of column {column}"
                yield index, _file(row[column], name), name

    return picture_blocks(sources(), int(mask.sum()))
