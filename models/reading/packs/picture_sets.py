"""Picture files in a folder, a zip or a tar as one set: its split and its labels.

The split is that of folders named train, test or val, else that of a table beside the pictures.
Labels are the folders below, and the columns of such tables.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from models.reading.found import Classes, Found, Labels
from models.reading.packs.contents import tally
from models.reading.packs.packs import Pack, pack_blocks
from models.reading.packs.tables import Tables, classes_of, read_tables
from models.reading.splits import Folders, folder_classes, folder_parts, settled

FOLDER_LABEL = "label"


def read_pictures(pack: Pack) -> Found:
    """The set of a pack.

    Raises:
        BadInput: It holds no picture.
    """
    if not pack.names:
        raise pack.no_picture()
    parts, folders = folder_parts(pack.names)
    tables = read_tables(pack)
    notes = [*pack.notes]
    if parts is not None:
        notes.append("The split is that of the folders.")
    elif tables.parts is not None:
        parts = tables.parts
        notes.append(f"The split is that of {tables.parts_from}.")
    used = np.ones(len(pack.names), bool)
    if parts is not None:
        parts, said = settled(parts)
        notes += said
        used = parts != ""
    labels, classes, said = _labels(folders, tables, used)
    other = [name for name in pack.others if name not in tables.read]
    if other:
        said.append(
            f"Not read: {len(other):,} other file{'s' * (len(other) > 1)} ({tally(other)})."
        )
    return Found(
        pack.kind, f"{len(pack.names):,} picture files in a {pack.kind}", len(pack.names),
        partial(pack_blocks, pack), parts, pack.names, labels=labels, classes=classes,
        notes=(*notes, *tables.notes, *said),
    )  # fmt: skip


def _labels(
    folders: list[Folders], tables: Tables, used: np.ndarray
) -> tuple[Labels, Classes, list[str]]:
    """Labels of all pictures (−1 for those that are not used), their classes, what to say."""
    rows = np.flatnonzero(used)
    found: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {}
    skipped: list[str] = []
    for name, values in tables.columns.items():
        read = classes_of([values[row] for row in rows])
        if isinstance(read, str):
            skipped.append(f"{name} ({read})")
        else:
            found[name] = read
    by_folder = folder_classes([folders[row] for row in rows])
    depths = {len(folders[row]) for row in rows}
    notes = [f"Not taken as labels: {'; '.join(skipped[:5])}."] if skipped else []
    if by_folder is not None:
        found["folder" if FOLDER_LABEL in found else FOLDER_LABEL] = by_folder
    elif len(depths) > 1 and 0 in depths:
        notes.append("Folders are not taken as labels, since some pictures lie in none.")
    labels = {name: np.full(len(used), -1, np.int64) for name in found}
    for name, (values, _) in found.items():
        labels[name][rows] = values
    classes = {name: names for name, (_, names) in found.items() if names}
    return labels, classes, notes
