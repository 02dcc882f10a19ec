"""Who trains at a folder: one process at a time.

`process.json` is locked as long as a training runs and says which one it is. A process that died
holds no lock, so what it left there is taken over.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from models.errors import BadInput
from models.storage.locks import Held, exclusive
from models.training.run import RunFiles


@contextmanager
def owning(files: RunFiles) -> Iterator[None]:
    """Be the one training at a run's folder, which is made.

    A folder that was made for it and in which nothing was saved goes again if the training fails.

    Raises:
        BadInput: Another process trains there.
    """
    made = [folder for folder in (files.folder, files.out) if not folder.exists()]
    files.folder.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive(files.lock, wait=False) as held:
            if not held:
                print(f"note: the disk of '{files.out}' has no locks: see to it that no other "
                      "training writes there.", file=sys.stderr)  # fmt: skip
            _sign(files)
            yield
    except Held as error:
        raise BadInput(_taken(files)) from error
    except BaseException:
        if files.folder in made and not files.state.exists():
            shutil.rmtree(files.folder, ignore_errors=True)
            if files.out in made:
                with suppress(OSError):  # it holds something else by now
                    files.out.rmdir()
        raise


def check_free(files: RunFiles) -> None:
    """Refuse a folder at which a process trains."""
    if files.lock.is_file():
        try:
            with exclusive(files.lock, wait=False):
                pass
        except Held as error:
            raise BadInput(_taken(files)) from error


def _sign(files: RunFiles) -> None:
    """Say who holds the lock, in the file itself: another one would not be locked."""
    who = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    files.lock.write_text(json.dumps(who))


def _taken(files: RunFiles) -> str:
    """What is said of a folder that another process has."""
    try:
        who = json.loads(files.lock.read_text())
        by = f"by process {who['pid']} on {who['host']}, since {who['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        by = "by another process"
    return (
        f"'{files.out}' is being trained {by}: wait until it is done, stop it, or train at another "
        "--out."
    )
