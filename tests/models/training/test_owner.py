"""One training at a folder: a second is refused, a dead one's place is taken, a failed one goes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.crash_plan import options_of, squares_file
from models import train
from models.errors import BadInput
from models.training.owner import check_free, owning
from models.training.run import RunFiles, write_status
from tests.running import ROOT

OWNER = (
    "import sys, pathlib\n"
    "from models.training.owner import owning\n"
    "from models.training.run import RunFiles\n"
    "with owning(RunFiles(pathlib.Path(sys.argv[1]))):\n"
    "    print('owns', flush=True)\n"
    "    sys.stdin.read()\n"
)


def test_a_second_training_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "run")
    with subprocess.Popen([sys.executable, "-c", OWNER, str(files.out)], cwd=ROOT,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:  # fmt: skip
        assert first.stdout is not None
        assert first.stdout.readline() == b"owns\n"
        told = f"run' is being trained by process {first.pid} on .* since .*wait"
        with pytest.raises(BadInput, match=told), owning(files):
            pass
        with pytest.raises(BadInput, match=told):
            check_free(files)
        assert files.lock.is_file()  # who was refused has removed nothing
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert json.loads(files.lock.read_text())["pid"] == first.pid  # it was left behind
        check_free(files)
        with owning(files):
            assert json.loads(files.lock.read_text())["pid"] != first.pid


def test_the_command_that_is_refused_leaves_what_the_first_one_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the page would show the one that trains as failed."""
    files = RunFiles(tmp_path / "run")
    data = f"--data={squares_file(tmp_path)}"
    with owning(files):
        write_status(files, "running")
        before = files.status.read_bytes()
        for more in ([data, *options_of("MLP")], ["--resume"]):
            assert train.main([f"--out={files.out}", *more]) == 2
            assert "is being trained by process" in capsys.readouterr().err
        assert files.status.read_bytes() == before


def fail(files: RunFiles, path: Path | None = None) -> None:
    """A training that leaves a file and ends with an error."""
    with owning(files):
        if path is not None:
            path.write_text("made")
        raise BadInput("no")


def test_a_failed_start_leaves_nothing_and_what_was_saved_stays(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "run")
    with pytest.raises(BadInput, match="no"):
        fail(files, files.spec)
    assert list(tmp_path.iterdir()) == []

    files.out.mkdir()
    (files.out / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="no"):
        fail(files)
    assert [path.name for path in files.out.iterdir()] == ["notes.txt"]

    with pytest.raises(BadInput, match="no"):
        fail(files, files.state)
    assert files.state.read_text() == "made"

    with pytest.raises(BadInput, match="no"):
        fail(files)
    assert files.state.read_text() == "made"


def test_a_folder_that_is_free_or_was_never_there(tmp_path: Path) -> None:
    check_free(RunFiles(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []
