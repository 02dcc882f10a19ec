"""Files to train on that a visitor uploads, looked at before a training starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from explorer.images.decoding.caps import admit
from models.errors import BadInput
from models.reading.files import SUFFIXES, read_file, shown_name
from models.reading.packs.packs import open_pack
from models.reading.pictures import open_picture

CHECK_S = 5.0  # what is not decoded by then is left to the training, which says the same
FEWEST = 2


@dataclass(frozen=True)
class Pictures:
    """Uploaded files that can be trained on.

    Args:
        files: One zip, or loose pictures.
        count: The pictures in them.
    """

    files: tuple[Path, ...]
    count: int

    @property
    def is_zip(self) -> bool:
        return self.files[0].suffix.lower() == ".zip"


def check_pictures(files: Sequence[Path]) -> Pictures:
    """Look at uploaded files; called where files of visitors are decoded.

    Raises:
        BadInput: There are none, too few, a zip among others, or one that cannot be read.
    """
    if not files:
        raise BadInput("Your pictures: nothing is uploaded yet - add pictures or one .zip of them.")
    zips = [path for path in files if path.suffix.lower() == ".zip"]
    if zips and len(files) > 1:
        raise BadInput("Your pictures: give either one .zip or loose pictures, not both.")
    count = _check_zip(zips[0]) if zips else _check_loose(files)
    if count < FEWEST:
        raise BadInput(
            f"Your pictures: {count} is too few to train and to test on - give at least "
            f"{FEWEST}, and better some hundreds."
        )
    return Pictures(tuple(files), count)


def _check_zip(path: Path) -> int:
    pack, until = open_pack(path), time.monotonic() + CHECK_S
    if not pack.names:
        raise pack.no_picture()
    for number, name in enumerate(pack.names):
        if number and time.monotonic() >= until:
            break
        _check_picture(cast(bytes, pack.read(number)), pack.place(name))
    return len(pack.names)


def _check_loose(files: Sequence[Path]) -> int:
    until = time.monotonic() + CHECK_S
    for number, path in enumerate(files):
        if path.suffix.lower() not in SUFFIXES:
            raise BadInput(
                f"{shown_name(path.name)} is no picture that is read here - save it as PNG or "
                "JPEG, or take it out."
            )
        if number == 0 or time.monotonic() < until:
            _check_picture(read_file(path, shown_name(path.name)), path.name)
    return len(files)


def _check_picture(data: bytes, name: str) -> None:
    admit(data, name)
    open_picture(data, name)
