"""The process that decodes is small, and ends when the server does."""

from __future__ import annotations

import subprocess
import sys

from explorer.images.decoding.caps import Limits
from explorer.images.decoding.parent import Decoder
from tests.running import ROOT
from tests.test_imports import loaded_by


def test_it_loads_neither_torch_nor_gradio() -> None:
    loaded = loaded_by("explorer.images.decoding.child")
    assert "PIL" in loaded
    assert not loaded & {"torch", "gradio", "fastapi", "starlette"}


def test_it_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "explorer.images.decoding.child", "5", str(2**30)]
    ended = subprocess.run(command, cwd=ROOT, input=b"", capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, b"")


def test_it_can_be_ended_at_any_time() -> None:
    decoder = Decoder(Limits())
    decoder.end()
    decoder.end()
