"""Two replicas behind nginx, one of which dies, or stops, under the hands on two pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import missing
from tests.running import ROOT

pytestmark = pytest.mark.browser

WITHIN_S = 60  # the benchmark's own bar is for a quiet machine


@pytest.mark.parametrize("signal", ["kill", "term"])
def test_no_page_loses_anything_when_its_replica_goes(tmp_path: Path, signal: str) -> None:
    measured = tmp_path / "measured.json"
    options = ["--replicas=2", "--pages=2", f"--within={WITHIN_S}", f"--signal={signal}"]
    command = [sys.executable, "-m", "benchmarks.replicas", f"--json={measured}", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode == 2:
        missing(run.stderr)
    assert run.returncode == 0, run.stdout + run.stderr
    pages = json.loads(measured.read_text())
    assert len(pages) == 2 and all(page["upload"] for page in pages)
    moved = [page for page in pages if page["before"] != page["after"]]
    assert moved and len({page["after"] for page in pages}) == 1
