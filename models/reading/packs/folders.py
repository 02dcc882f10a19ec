"""The files under a folder: linked folders are followed, and no folder is walked twice.

A folder is known by its device and number, so a link that leads back up, or to a folder that is
in the set already, is cut. Real folders come first: what a set and a link into it both hold
keeps the name that it has in the set.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from models.errors import BadInput


@dataclass(frozen=True)
class Walk:
    """What lies under a folder, by paths inside it with slashes.

    Attributes:
        files: All files, sorted; links to files among them.
        again: Links to a folder that was walked already, and were not followed.
        dead: Links that lead nowhere.
    """

    files: list[str]
    again: list[str]
    dead: list[str]


def walk(root: Path) -> Walk:
    """All files under `root`; hidden folders are passed over.

    Raises:
        BadInput: A folder cannot be read.
    """
    found = Walk([], [], [])
    seen: set[tuple[int, int]] = set()
    folders, links = deque([""]), deque()
    while folders or links:
        name = folders.popleft() if folders else links.popleft()
        try:
            status = os.stat(root / name)
            if (status.st_dev, status.st_ino) in seen:
                found.again.append(name)
                continue
            seen.add((status.st_dev, status.st_ino))
            _list(root, name, found, folders, links)
        except OSError as error:
            raise BadInput(
                f"{root / name} cannot be read ({error.strerror or error}) - check its permissions."
            ) from error
    found.files.sort()
    return found


def _list(root: Path, name: str, found: Walk, folders: deque[str], links: deque[str]) -> None:
    with os.scandir(root / name) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        inside = f"{name}/{entry.name}" if name else entry.name
        if entry.is_dir():
            if not entry.name.startswith("."):
                (links if entry.is_symlink() else folders).append(inside)
        elif entry.is_symlink() and not os.path.exists(entry.path):
            found.dead.append(inside)
        else:
            found.files.append(inside)
