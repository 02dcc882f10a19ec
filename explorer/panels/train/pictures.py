"""Uploaded training pictures, kept with their run.

They are kept as they came (a zip as a zip, loose pictures as a folder), so that the run can
be resumed after the upload itself is gone.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from explorer.images.decoding.training_files import Pictures

FOLDER = "pictures"


def keep_pictures(pictures: Pictures, folder: Path) -> Path:
    """Copy uploaded files into `folder`; returns what `--data` then names.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    if pictures.is_zip:
        source = pictures.files[0]
        folder.mkdir(parents=True)
        return Path(shutil.copyfile(source, folder / f"{_plain(source.stem) or FOLDER}.zip"))
    target = folder / FOLDER
    target.mkdir(parents=True)
    for number, source in enumerate(pictures.files, start=1):
        # Numbered, since two uploads may have one name.
        name = f"{number:05d}-{_plain(source.stem)}{source.suffix.lower()}"
        shutil.copyfile(source, target / name)
    return target


def _plain(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:60]
