"""The rules of this folder: where no browser is, and what counts as an error of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.browser import find_chromium
from tests.browser.conftest import missing


def test_without_a_browser_it_skips_but_not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install it"):
        missing("no Chromium - install it: apt-get install chromium")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install it"):
        missing("no Chromium - install it: apt-get install chromium")


def test_the_browser_named_comes_first_then_the_path_then_playwrights_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, on_path = tmp_path / "own", tmp_path / "bin" / "chromium"
    on_path.parent.mkdir()
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.delenv("STRATA_CHROMIUM", raising=False)
    assert find_chromium(str(own)) is None
    for path in (own, on_path):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        assert find_chromium(str(own)) == str(path)
    monkeypatch.setenv("STRATA_CHROMIUM", str(own))
    assert find_chromium("nowhere") == str(own)
    monkeypatch.setenv("STRATA_CHROMIUM", str(tmp_path / "not there"))
    assert find_chromium(str(own)) is None
