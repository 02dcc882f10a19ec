"""A checkout that cannot be written, as in a container or a shared install: only training is off.

The process must not be above file permissions; where the tests run as root, setpriv takes that
power from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.soak import call
from tests.running import LOOPBACK, ROOT, App, answering, free_port, spawn
from tests.sealing import close, open_again, under

PARTS = ("app.py", "explorer", "models", "checkpoints", "docs")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app in a read-only checkout, where Gradio's temporary folder is another's too."""
    folder = tmp_path_factory.mktemp("sealed")
    checkout, temporary = folder / "checkout", folder / "tmp"
    checkout.mkdir()
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, checkout / part)
    (temporary / "gradio").mkdir(parents=True)
    close(checkout)
    close(temporary / "gradio")
    log, port = folder / "app.log", free_port()
    process = spawn(
        log,
        f"--port={port}",
        environment={"TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"},
        root=checkout,
        under=under(),
    )
    app = App(f"http://{LOOPBACK}:{port}", port, checkout / "runs", log, process)
    try:
        yield answering(app)
    finally:
        app.stop()
        open_again(folder)
    assert "Traceback" not in app.said(), app.said()


def test_exploring_opens_and_the_log_says_why_training_is_off(sealed: App) -> None:
    with httpx.Client(base_url=sealed.url, timeout=60) as client:
        models = call(client, "models", {})
        assert models["default"] == "avatars"
        opened = call(
            client, "open", {"model": "avatars", "image": {"kind": "example", "index": 0}}
        )
        assert opened["reconstruction"]
    assert not sealed.runs.exists()
    warning = next(line for line in sealed.said().splitlines() if "training is off" in line)
    assert f"'{sealed.runs}' cannot be made (Permission denied)" in warning
    assert "--runs" in warning


def test_uploads_are_kept_elsewhere(sealed: App) -> None:
    files = {"files": ("a.txt", b"held", "text/plain")}
    answer = httpx.post(f"{sealed.url}/gradio_api/upload", files=files, timeout=60)
    assert answer.status_code == 200
    kept = Path(answer.json()[0])
    assert kept.read_bytes() == b"held" and kept.is_relative_to(sealed.log.parent / "tmp")
    assert kept.parents[1].stat().st_mode & 0o077 == 0  # nobody else's business


def test_a_temporary_folder_that_was_named_and_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    log = tmp_path / "app.log"
    process = spawn(log, environment={"GRADIO_TEMP_DIR": str(tmp_path / "file" / "below")})
    assert process.wait(180) == 2
    said = log.read_text()
    assert said.count("\n") == 1 and "GRADIO_TEMP_DIR" in said and "file/below" in said
