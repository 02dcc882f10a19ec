"""Imports point down: models know no page, and a recipe knows neither torch nor gradio."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT


def imported(path: Path) -> set[str]:
    """Every module that a file imports anywhere in it, functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: name the module in full"
            found.add(node.module or "")
    return found


def loaded_by(module: str) -> set[str]:
    """The packages that a fresh Python holds after importing a module."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@pytest.mark.parametrize("path", sorted((ROOT / "models").rglob("*.py")), ids=lambda p: p.name)
def test_models_know_nothing_of_the_page(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported(path)}
    assert not packages & {"explorer", "gradio", "app", "tests"}


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
    page = {"layout.py", "desk/__init__.py"}
    explorer = ROOT / "explorer"
    for path in sorted(explorer.rglob("*.py")):
        name = path.relative_to(explorer).as_posix()
        if name not in page and not name.startswith("panels/"):
            assert "gradio" not in {n.split(".")[0] for n in imported(path)}, name


def test_the_check_can_fail() -> None:
    assert {"torch", "gradio"} & loaded_by("explorer.panels.api")
    assert "gradio" in imported(ROOT / "explorer" / "layout.py")
