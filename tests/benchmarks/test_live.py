"""The command line of the benchmark, its report, and the processes it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import live, serving
from benchmarks.browser import VARIABLE, NoBrowser, need_chromium
from benchmarks.plan import DESIGNS
from benchmarks.protocol import turns
from benchmarks.report import limits, ratios, table

SERVE = """
import http.server, sys
from benchmarks.leash import end_with_input
end_with_input()
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def one(p50_ms: float, updates_per_s: float, **others: Any) -> dict[str, Any]:
    """The numbers of a design, all well but those given."""
    return {
        "p50_ms": p50_ms, "p95_ms": 1.5 * p50_ms, "updates_per_s": updates_per_s,
        "staleness_ms": 20.0, "blank_frames": 0, "out_of_order": 0, "final_right": 3, "drags": 3,
        "inputs_per_s": 58.0, "frames_per_s": 60.0, "least_share": 0.9, **others,
    }  # fmt: skip


def result(**strata: Any) -> dict[str, Any]:
    """A made-up result."""
    own = {**one(16.0, 58.0), **strata}
    designs = {"strata": own, "naive": one(80.0, 8.0, staleness_ms=None, final_right=2),
               "tuned": one(50.0, 14.0), "bound": one(16.0, 60.0)}  # fmt: skip
    found = {
        "model": "fixed", "decode_ms": 2.2, "designs": designs, "ratios": ratios(designs),
        "pages": {"strata": {"8": own}}, "links": {"strata": {"60": own, "200": own}},
        "sliders": {"16": own, "64": own},
    }  # fmt: skip
    return {**found, "limits": limits(found)}


def broken(found: dict[str, Any]) -> set[str]:
    return {limit["what"] for limit in found["limits"] if not limit["holds"]}


def test_ratios_are_to_the_bound_and_to_the_naive_page() -> None:
    own = result()["ratios"]["strata"]
    assert own["p50_to_bound"] == 1.0
    assert own["updates_to_bound"] == pytest.approx(58 / 60, abs=1e-3)
    assert own["naive_p50_to_this"] == 5.0


def test_the_limits_hold_and_each_can_break() -> None:
    assert broken(result()) == set()
    assert {"p50 against the bound", "times faster than naive at p50"} <= broken(result(p50_ms=21))
    assert broken(result(p95_ms=31)) == {"p95 against the bound"}
    assert "updates/s against the bound" in broken(result(updates_per_s=53))
    assert "updates/s with 60 ms more" in broken(result(updates_per_s=44))
    assert broken(result(blank_frames=1)) == {"frames blank or covered"}
    assert broken(result(out_of_order=1)) == {"pictures out of order"}
    assert len(broken(result(final_right=2))) == 4
    assert broken(result(least_share=0.49)) == {"least fair share of 8 pages"}
    assert broken(result(frames_per_s=30)) == {"frames/s with 200 ms more"}


def test_the_table_names_every_design_and_the_result_is_json() -> None:
    found = result(p50_ms=99)
    text = table(found)
    assert all(name in text for name in DESIGNS)
    assert "NOT p50 against the bound" in text and "2/3" in text
    assert json.loads(json.dumps(found)) == found


def test_every_round_has_all_and_begins_with_another() -> None:
    assert list(turns("abc", 4)) == [tuple("abc"), tuple("bca"), tuple("cab"), tuple("abc")]


def test_without_a_browser_it_says_so_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(NoBrowser, match="no program: install one"):
        need_chromium("nowhere")
    assert live.main(["--quick", "--json", str(tmp_path / "never.json")]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "apt-get install chromium" in said.err
    assert said.out == "" and not (tmp_path / "never.json").exists()


def test_playwrights_own_browser_is_the_last_resort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBrowser, match="no Chromium found"):
        need_chromium(str(tmp_path / "own"))
    (tmp_path / "own").touch()
    assert need_chromium(str(tmp_path / "own")) == str(tmp_path / "own")


def test_servers_answer_while_they_are_needed_and_no_longer() -> None:
    with serving.servers({"one": ["-c", SERVE, "{port}"]}) as running:
        server = running["one"]
        assert serving.answers(server.url)
    assert server.process.poll() is not None
    assert not serving.answers(server.url)


def test_a_server_that_fails_shows_its_log() -> None:
    with (
        pytest.raises(RuntimeError, match="a clear reason"),
        serving.servers({"bad": ["-c", "raise SystemExit('a clear reason')"]}),
    ):
        pass


def test_a_server_ends_with_the_process_that_started_it() -> None:
    port = serving.free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)], cwd=serving.ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0
