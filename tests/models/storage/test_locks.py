"""A lock holds among real processes, and dies with who held it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.storage.locks import Held, exclusive
from tests.running import ROOT

HOLDER = (
    "import sys, pathlib\n"
    "from models.storage.locks import exclusive\n"
    "with exclusive(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_lock_is_held_by_one_and_freed_by_its_death(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], cwd=ROOT,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(Held), exclusive(path, wait=False):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with exclusive(path, wait=False) as held:
            assert held
    if kind == "folder":
        assert list(path.iterdir()) == []  # nothing of it is left in a checkpoint


def test_a_lock_is_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive(tmp_path / "lock", wait=False) as held:
            assert held
            with pytest.raises(Held), exclusive(tmp_path / "lock", wait=False):
                pass
