"""Imports point down: what stands on what is declared here, and no circle is let in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.house import Import, arrows, circles, folded, folders, imports, modules
from tests.running import ROOT

# A room imports from the lines above its own and from itself. Rooms of one line do not know each
# other. A module belongs to the longest name here that it begins with.
FLOORS = (
    "models.errors models.policy models.seeds models.precision models.likelihoods",
    "models.gaussians",
    "models.base",
    "models.chain models.pixels",
    "models.objective",
    "models.storage",
    "models.command_line models.reading",
    "models.families.mhvae models.families.hvae models.families.vdm models.families.autoencoder_kl",
    "models.families models.data",
    "models.checkpoint models.avatars models.universe models.glyphs",
    "models.evaluation",
    "models.sources",
    "models.report",
    "models.training models.convert models.attributes models.photos",
    "models.train models.evaluate",
    "explorer.bounded explorer.page explorer.recipe",
    "explorer.guard explorer.render",
    "explorer.images",
    "explorer.library explorer.terms",
    "explorer.live",
    "explorer.calls",
    "explorer.desk explorer.panels.compare explorer.panels.train explorer.panels.learn",
    "explorer.panels",
    "explorer.layout",
    "explorer.serve",
    "app",
)
# Imports of our own inside functions, and why they cannot stand at the top of their file.
LATE = "start-up: what can be refused at once is, and no garbage is looked for meanwhile"
EXTRA = "its package is one that most do without"
INSIDE = {
    ("app", "explorer.guard.proxies"): LATE,
    ("app", "explorer.serve"): LATE,
    ("app", "models.errors"): LATE,
    ("app", "models.sources.adapter"): LATE,
    ("models.data.avatars.reading", "models.data.avatars.drawing"): "start-up: it opens resvg",
    ("models.data.universe.reading", "models.data.universe.drawing"): EXTRA,
    ("models.data.universe.reading", "models.data.universe.styles"): EXTRA,
}
FOUND = imports()
GRAPH = arrows(FOUND, modules())


def floor_of(module: str) -> tuple[int, str]:
    """The line of a module in FLOORS, and the room that it belongs to."""
    rooms = [(at, room) for at, line in enumerate(FLOORS) for room in line.split()]
    own = [(at, room) for at, room in rooms if f"{module}.".startswith(f"{room}.")]
    assert own, f"{module} is in no room: give it one in FLOORS"
    return max(own, key=lambda found: len(found[1]))


def upwards(found: list[Import]) -> list[str]:
    """The imports that run up, or to a room of the same floor."""
    told = []
    for one in found:
        (here, room), (there, other) = floor_of(one.source), floor_of(one.target)
        if room != other and there >= here:
            told.append(f"{one.source} imports {one.target}")
    return told


def packages_of(path: Path) -> set[str]:
    """The packages that a file imports anywhere in it, functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: name the module in full"
            found.add(node.module or "")
    return {name.split(".")[0] for name in found}


def loaded_by(module: str) -> set[str]:
    """The packages that a fresh Python holds after importing a module."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_no_import_runs_upwards() -> None:
    assert upwards(FOUND) == []


def test_no_file_and_no_folder_is_in_a_circle() -> None:
    assert circles(GRAPH) == []
    for folder in folders(GRAPH):
        assert circles(folded(GRAPH, folder)) == [], folder


def test_every_import_stands_at_the_top_of_its_file() -> None:
    assert {(one.source, one.target) for one in FOUND if one.inside} == set(INSIDE)


def test_each_check_can_fail() -> None:
    up = Import("explorer.render.frame", "explorer.panels.api")
    assert upwards([*FOUND, up]) == ["explorer.render.frame imports explorer.panels.api"]
    aside = Import("models.families.hvae.model", "models.families.vdm.network")
    assert len(upwards([aside])) == 1
    ring = Import("models.seeds", "models.base")
    assert any("models.seeds" in circle for circle in circles(arrows([*FOUND, ring], modules())))
    rooms = folded(arrows([*FOUND, Import("models.storage.locks", "models.reading.heif")],
                          modules()), "models")  # fmt: skip
    assert ["models.reading", "models.storage"] in circles(rooms)
    with pytest.raises(AssertionError, match="in no room"):
        floor_of("explorer.attic")


@pytest.mark.parametrize("path", sorted((ROOT / "models").rglob("*.py")), ids=lambda p: p.name)
def test_models_know_nothing_of_the_page(path: Path) -> None:
    assert not packages_of(path) & {"explorer", "gradio", "app", "tests", "benchmarks"}


@pytest.mark.parametrize(
    ("module", "unknown"),
    [
        ("explorer.recipe.recipe", {"torch", "gradio", "numpy"}),
        ("models.policy", {"torch", "gradio", "numpy"}),
        ("explorer.render.render", {"gradio"}),
        ("models.train", {"gradio", "explorer", "matplotlib"}),
        ("explorer.layout", {"matplotlib"}),
    ],
)
def test_what_a_module_loads_in_the_end(module: str, unknown: set[str]) -> None:
    loaded = loaded_by(module)
    assert module.split(".")[0] in loaded
    assert not loaded & unknown


def test_only_the_page_imports_gradio() -> None:
    """The pure part of the explorer can be used, and tested, without a page."""
    page = ("explorer.layout", "explorer.serve", "explorer.calls", "explorer.desk",
            "explorer.panels")  # fmt: skip
    with_gradio = {name for name, path in modules().items() if "gradio" in packages_of(path)}
    assert "explorer.layout" in with_gradio
    assert not [name for name in with_gradio if not name.startswith(page)]


def test_the_check_of_what_is_loaded_can_fail() -> None:
    assert {"torch", "gradio"} <= loaded_by("explorer.panels.api")
