"""Folders change all at once, also when the process is killed for real in the middle."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.errors import BadInput
from models.storage import atomic
from models.storage.atomic import current, write_file, write_folder
from tests.running import ROOT

OLD = {"a": b"old a", "b": b"old b"}
NEW = {"a": b"new a", "b": b"new b", "c": b"new c"}


def read(folder: Path) -> dict[str, bytes]:
    """What a reader finds now."""
    found = {name: current(folder, name) for name in ("a", "b", "c")}
    return {name: path.read_bytes() for name, path in found.items() if path.exists()}


def test_files_are_replaced_and_others_stay(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", OLD)
    write_folder(tmp_path / "x", {"b": b"newer b"})
    assert read(tmp_path / "x") == {"a": b"old a", "b": b"newer b"}
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == ["a", "b"]


@pytest.mark.parametrize("crash_at", range(6))
def test_a_crash_at_any_move_leaves_old_or_new(
    tmp_path: Path, crash_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rename in turn fails as if the machine had stopped there."""
    write_folder(tmp_path, OLD)
    moves = 0

    class Crash(BaseException):
        pass

    def counted(real):
        def move(*args):
            nonlocal moves
            if moves == crash_at:
                raise Crash
            moves += 1
            return real(*args)

        return move

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "rename", counted(os.rename))
        patch.setattr(atomic.os, "replace", counted(os.replace))
        if crash_at < 4:
            with pytest.raises(Crash):
                write_folder(tmp_path, NEW)
        else:
            write_folder(tmp_path, NEW)
    assert read(tmp_path) == (OLD if crash_at == 0 else NEW)
    write_folder(tmp_path, {"a": b"newest"})
    assert read(tmp_path)["a"] == b"newest"


def test_a_killed_process_leaves_old_or_new(tmp_path: Path) -> None:
    """A real process that writes for ever, killed without mercy, many times over."""
    program = (
        "import sys, pathlib\n"
        "from models.storage.atomic import write_folder\n"
        "folder, i = pathlib.Path(sys.argv[1]), 0\n"
        "while True:\n"
        "    i += 1\n"
        "    write_folder(folder, {n: str(i).encode() * 50_000 for n in 'abc'})\n"
        "    print(i, flush=True)\n"
    )
    for pause in (0.0, 0.003, 0.007, 0.011):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        contents = set(read(tmp_path).values())
        assert len(contents) == 1
        assert len(read(tmp_path)) == 3


def test_a_full_disk_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, OLD)
    write_file(tmp_path / "single", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(BadInput, match=r"disk is full.*Free some space"):
        write_folder(tmp_path, NEW)
    with pytest.raises(BadInput, match="disk is full"):
        write_file(tmp_path / "single", b"new")
    assert read(tmp_path) == OLD
    assert (tmp_path / "single").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "single"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_dev_full_is_a_full_disk() -> None:
    with pytest.raises(BadInput, match="could not be written|disk is full"):
        write_folder(Path("/dev/full/x"), OLD)
