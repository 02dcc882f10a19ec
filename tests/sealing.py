"""Folders that a process cannot write, also where the tests run as root."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


def under() -> tuple[str, ...]:
    """What to run a process under so that it cannot write what is read-only."""
    if os.geteuid() != 0:
        return ()
    if shutil.which(POWERLESS[0]) is None:
        pytest.skip("root may write anything, and there is no setpriv to change that")
    return POWERLESS


WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def close(folder: Path) -> None:
    """Take the right to write from a folder and all that is in it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~WRITE)


def open_again(folder: Path) -> None:
    """Give the owner the right to write again."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
