"""`scripts/house`: its arrows, floors and circles on a house small enough to see through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.house import (
    Import,
    arrows,
    circles,
    figures,
    floors,
    folded,
    folders,
    imports,
    main,
    modules,
)

HOUSE = {
    "models/__init__.py": "",
    "models/ground.py": "def halved(x):\n    return x / 2\n",
    "models/room/__init__.py": '"""A room."""\n',
    "models/room/low.py": "from models import ground\nfrom models.ground import halved\n",
    "models/room/high.py": "import models.room.low\n\n\ndef late():\n    from models import top\n",
    "models/top.py": "from models.room.low import halved\nfrom json import dumps\n",
    "explorer/__init__.py": "",
    "explorer/page.py": "if True:\n    from models.room.high import late\n\n\nclass Frame: ...\n",
    "explorer/other.py": "class Frame:\n    def moved(self): ...\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in HOUSE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_imports_are_found_wherever_they_stand(house: Path) -> None:
    assert set(imports(house)) == {
        Import("models.room.low", "models.ground"),
        Import("models.room.high", "models.room.low"),
        Import("models.room.high", "models.top", inside="late"),
        Import("models.top", "models.room.low"),
        Import("explorer.page", "models.room.high"),
    }


def test_files_and_folders_stand_above_what_they_import(house: Path) -> None:
    graph = arrows(imports(house), modules(house))
    assert floors(graph)["explorer.page"] == 5
    rooms = folded(graph, "models")
    assert rooms == {
        "models.ground": set(),
        "models.room": {"models.ground", "models.top"},
        "models.top": {"models.room"},
    }
    assert floors(rooms) == {"models.ground": 1, "models.room": 2, "models.top": 2}
    assert folded(graph, "") == {"models": set(), "explorer": {"models"}}


def test_a_circle_of_folders_need_be_none_of_files(house: Path) -> None:
    graph = arrows(imports(house), modules(house))
    assert circles(graph) == []
    assert {at: found for at in folders(graph) if (found := circles(folded(graph, at)))} == {
        "models": [["models.room", "models.top"]]
    }
    back = Import("models.ground", "models.top")
    ring = circles(arrows([*imports(house), back], modules(house)))
    assert ring == [["models.ground", "models.room.low", "models.top"]]


def test_the_figures_are_those_of_the_house(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = figures(house)
    assert found["circles of folders"] == 1 and found["circles of files"] == 0
    assert found["imports inside functions"] == 1
    assert found["functions named by a bare participle"] == 2
    assert found["names of two classes and more"] == ["Frame"]
    assert main(["--root", str(house), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deepest import chain"] == 5
    assert main(["--root", str(house)]) == 0
    assert "models/ floor  2  room  top" in capsys.readouterr().out
