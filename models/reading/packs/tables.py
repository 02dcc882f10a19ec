"""Tables beside pictures: a row a file, with its labels and perhaps its part of the split.

Read are `.csv` and `.tsv` files that name the pictures in one of their columns, with a heading or
without, and CelebA's `list_attr_celeba.txt`, `identity_CelebA.txt` and `list_eval_partition.txt`.
A picture may be named by its path, by its file's name alone, or by that without the suffix, where
only one is called so.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from models.errors import BadInput
from models.reading.files import read_file
from models.reading.packs.packs import Pack
from models.reading.splits import is_split, part_of

MAX_CLASSES = 1000
_CELEBA = re.compile(r"(list_attr_celeba|identity_celeba|list_eval_partition)\.(txt|csv)", re.I)
_BESIDE = re.compile(r"labels\.(csv|tsv)", re.I)
_SPLIT_COLUMNS = ("split", "partition", "subset", "set")
_CELEBA_PARTS = {"0": "train", "1": "val", "2": "test"}
_TRIED_ROWS = 100


@dataclass
class Tables:
    """What the tables beside pictures say of them.

    Attributes:
        parts: Of each picture, "" where a table has no word on it; None without a split.
        parts_from: The table that says so.
        columns: Per label the text that each picture has there, None where it has none.
        read: The tables that name any of the pictures.
        notes: What was left out and why.
    """

    parts: np.ndarray | None = None
    parts_from: str = ""
    columns: dict[str, list[str | None]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_tables(pack: Pack) -> Tables:
    """All tables in a pack or beside it."""
    found, finder = Tables(), _Finder(pack.names)
    for name, text in _texts(pack, found.notes):
        heading, rows = _rows(text, name)
        file_at = _file_column(rows, finder, name)
        if file_at is None:
            continue
        found.read.append(name)
        if heading is None and finder.find(rows[0][file_at], name) is None:
            heading, rows = rows[0], rows[1:]
        elif heading is None:
            heading = [f"label_{i}" if i > 1 else "label" for i in range(len(rows[0]))]
        items = [finder.find(row[file_at], name) if len(row) > file_at else None for row in rows]
        for at, column in enumerate(heading):
            if at != file_at:
                values: list[str | None] = [None] * len(pack.names)
                for item, row in zip(items, rows, strict=True):
                    if item is not None and len(row) > at:
                        values[item] = row[at]
                _take(found, name, column.strip(), values)
    return found


def classes_of(values: Sequence[str | None]) -> tuple[np.ndarray, tuple[str, ...]] | str:
    """Labels and the names of their classes from a column, or why it holds no classes.

    Whole numbers from 0 on are the classes themselves; all else is numbered in sorted order.
    """
    texts = [value.strip() for value in values if value is not None]
    if len(texts) < len(values) or "" in texts:
        return "does not have every picture"
    numbers = _numbers(texts)
    if numbers is None:
        names = sorted(set(texts))
        if len(names) > MAX_CLASSES or (len(names) == len(texts) and len(names) > 20):
            return f"has {len(names):,} different texts"
    elif (numbers != np.rint(numbers)).any():
        return "holds numbers that are not whole"
    elif numbers.min() >= 0:
        top = int(numbers.max())
        return numbers.astype(np.int64), tuple(
            map(str, range(top + 1))
        ) if top < MAX_CLASSES else ()
    else:
        names = sorted(set(texts), key=float)
    index = {name: number for number, name in enumerate(names)}
    return np.array([index[text] for text in texts], np.int64), tuple(names)


def _numbers(texts: Sequence[str]) -> np.ndarray | None:
    try:
        numbers = np.array(texts, dtype=np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _take(found: Tables, table: str, column: str, values: list[str | None]) -> None:
    """A column as the split, or as a label."""
    if found.parts is None and (column.lower() in _SPLIT_COLUMNS or "partition" in column.lower()):
        coded = set(values) <= {*_CELEBA_PARTS, None}
        parts = [_CELEBA_PARTS[v] if coded and v else part_of(v or "") for v in values]
        if is_split(np.array(parts)):
            found.parts, found.parts_from = np.array(parts, dtype="U5"), table
            return
    if column and column not in found.columns:
        found.columns[column] = values


def _texts(pack: Pack, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Name and text of the tables in a pack, and of those that lie beside it."""
    for name in pack.others:
        if name.lower().endswith((".csv", ".tsv")) or _CELEBA.fullmatch(PurePosixPath(name).name):
            try:
                yield name, pack.text(name)
            except BadInput as error:
                notes.append(f"Not read: {error}.")
    for path in tables_beside(pack.path):
        yield path.name, read_file(path, path.name).decode("utf-8-sig", errors="replace")


def tables_beside(path: Path) -> list[Path]:
    """The tables in the folder that a folder or an archive lies in."""
    try:
        files = sorted(path.resolve().parent.iterdir())
    except OSError:  # a folder may be open though the one above it is not
        return []
    return [f for f in files if _CELEBA.fullmatch(f.name) or _BESIDE.fullmatch(f.name)]


def _rows(text: str, name: str) -> tuple[list[str] | None, list[list[str]]]:
    """The heading, where the layout has one that is known, and the rows; equal cells are one."""
    lines = text.splitlines()
    if name.lower().endswith(".txt"):
        if lines and lines[0].strip().isdigit():  # CelebA's count of pictures, then the heading
            return ["file", *lines[1].split()], [_cells(line.split()) for line in lines[2:]]
        stem = PurePosixPath(name).stem.removesuffix("_CelebA").removeprefix("list_eval_")
        return ["file", stem], [_cells(line.split()) for line in lines]
    comma = "\t" if name.lower().endswith(".tsv") else ","
    if comma == "," and lines and lines[0].count(";") > lines[0].count(","):
        comma = ";"
    try:
        return None, [_cells(row) for row in csv.reader(lines, delimiter=comma) if row]
    except csv.Error:
        return None, []


def _cells(row: list[str]) -> list[str]:
    return [sys.intern(cell) for cell in row]


class _Finder:
    """Which picture a cell names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._paths = {name: item for item, name in enumerate(names)}
        self._short: dict[str, int] = {}
        bases = [name.rsplit("/", 1)[-1] for name in names]
        stems = [base.rsplit(".", 1)[0] for base in bases]
        for keys in (stems, bases):
            counts = Counter(keys)
            self._short |= {key: item for item, key in enumerate(keys) if counts[key] == 1}

    def find(self, cell: str, table: str) -> int | None:
        name = cell.strip().replace("\\", "/").removeprefix("./")
        folder = table.rpartition("/")[0]
        for path in (f"{folder}/{name}" if folder else name, name):
            if path in self._paths:
                return self._paths[path]
        return self._short.get(name.rsplit("/", 1)[-1])


def _file_column(rows: list[list[str]], finder: _Finder, name: str) -> int | None:
    """The column that names most pictures among the first rows, each counted once."""
    named: dict[int, set[int | None]] = {}
    for row in rows[:_TRIED_ROWS]:
        for at, cell in enumerate(row):
            named.setdefault(at, set()).add(finder.find(cell, name))
    counts = {at: len(items - {None}) for at, items in named.items()}
    best = max(counts, key=counts.__getitem__, default=None)
    return best if best is not None and counts[best] else None
