"""The README's table is the model cards' numbers, and its commands exist."""

from __future__ import annotations

import json
import re

import pytest

from models.report.card import nats
from tests.running import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", ["avatars", "digits", "fashion", "photos"])
def test_the_table_is_what_was_measured(name: str) -> None:
    measured = json.loads((ROOT / "checkpoints" / name / "evaluation.json").read_text())
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    wanted = [
        nats(-measured["elbo_nats"]),
        " / ".join(f"{rate:.1f}" for rate in measured["rate_nats"]),
        " / ".join(str(count) for count in measured["active_units"]),
        " / ".join(f"{reach:.2f}" for reach in measured["reach"]),
    ]
    for value in wanted:
        assert f"| {value} |" in row


def test_the_two_commands_are_there_and_their_files_exist() -> None:
    assert "pip install -r requirements.txt && python app.py" in README
    tests = "pip install -r requirements-dev.txt && pytest -n 2 --dist loadfile\n"
    assert tests in README
    assert tests in (ROOT / ".ci" / "run").read_text()
    for name in ("requirements.txt", "requirements-dev.txt", "app.py"):
        assert (ROOT / name).is_file()


def test_every_local_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
