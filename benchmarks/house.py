"""How the code stands as a house: files are rooms, imports are arrows, and what leans on what.

    scripts/house             of this checkout
    scripts/house --root DIR  of another one, to compare
    scripts/house --json      the same as JSON

A file stands on the floor above the highest that it imports; a folder likewise, beside the files
and folders that it lies among. A circle is a set that reaches itself by its imports. Imports count
wherever they stand, inside functions and under TYPE_CHECKING too. `tests/test_imports.py` reads the
same arrows.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("models", "explorer")
LONG = 40  # lines of a function that is long
PARTICIPLE = re.compile(r"_?[a-z]*[^e\W_]ed")
Arrows = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Import:
    """One import of a module of ours.

    Args:
        source: The module that imports, as "models.base".
        target: The module that is imported.
        inside: The function that it stands in; empty at the top of the file.
    """

    source: str
    target: str
    inside: str = ""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the house and its file; a package's `__init__.py` is the package itself."""
    paths = [path for top in TOPS for path in sorted((root / top).rglob("*.py"))]
    found = {}
    for path in (*paths, *root.glob("app.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path = ROOT) -> list[Import]:
    """Every import among the modules of the house, the file's own left out."""
    known = modules(root)
    found = []
    for source, path in known.items():
        for node, inside in _statements(_parsed(path)):
            for name in _names(node):
                target = next((n for n in (name, name.rpartition(".")[0]) if n in known), None)
                if target is not None and target != source:
                    found.append(Import(source, target, inside))
    return found


def arrows(found: Iterable[Import], names: Iterable[str]) -> Arrows:
    """From every name to what it imports; one that imports nothing is there too."""
    ends: dict[str, set[str]] = {name: set() for name in names}
    for one in found:
        ends[one.source].add(one.target)
    return {name: frozenset(targets) for name, targets in ends.items()}


def folded(graph: Arrows, folder: str) -> Arrows:
    """The arrows among the files and folders that lie directly in a folder; "" is the root."""
    start = f"{folder}." if folder else ""

    def beside(name: str) -> str | None:
        if not name.startswith(start) or name == folder:
            return None
        return start + name.removeprefix(start).partition(".")[0]

    pairs = {(beside(a), beside(b)) for a, targets in graph.items() for b in targets}
    inside = {at for name in graph if (at := beside(name)) is not None}
    return {at: frozenset(b for a, b in pairs if a == at and b not in (None, at)) for at in inside}


def folders(graph: Arrows) -> list[str]:
    """Every folder that holds a module, the root as ""."""
    return sorted({"", *(name.rpartition(".")[0] for name in graph)})


def circles(graph: Arrows) -> list[list[str]]:
    """The sets of two and more that reach each other, each sorted."""
    reach = {name: _reached(graph, name) for name in graph}
    found = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in graph
        if name in reach[name]
    }
    return [list(circle) for circle in sorted(found)]


def floors(graph: Arrows) -> dict[str, int]:
    """The floor of each, from 1; those of a circle stand on one."""
    together = {name: set(circle) for circle in circles(graph) for name in circle}

    @cache
    def floor(name: str) -> int:
        ring = together.get(name, {name})
        below = {target for one in ring for target in graph[one]} - ring
        return 1 + max((floor(target) for target in below), default=0)

    return {name: floor(name) for name in graph}


def figures(root: Path = ROOT) -> dict[str, object]:
    """All that is printed, by its name."""
    found, known = imports(root), modules(root)
    graph = arrows(found, known)
    rooms = {top: folded(graph, top) for top in TOPS}
    return {
        **{f"rooms in {top}/": len(room) for top, room in rooms.items()},
        **{f"floors in {top}/": max(floors(room).values()) for top, room in rooms.items()},
        **{f"arrows in {top}/": sum(map(len, room.values())) for top, room in rooms.items()},
        "circles of files": len(circles(graph)),
        "circles of folders": sum(len(circles(folded(graph, at))) for at in folders(graph)),
        "imports inside functions": len({(one.source, one.target) for one in found if one.inside}),
        "deepest import chain": max(floors(graph).values()),
        "most files in a folder": max(Counter(path.parent for path in known.values()).values()),
        **_names_and_lengths(list(known.values())),
    }


def _names_and_lengths(paths: Sequence[Path]) -> dict[str, object]:
    trees = [_parsed(path) for path in paths]
    lengths = [n for tree in trees for n in _lengths(tree)]
    named = [name for tree in trees for name in _defined(tree, ast.FunctionDef)]
    classes = Counter(name for tree in trees for name in _defined(tree, ast.ClassDef))
    long = 100 * sum(n > LONG for n in lengths) / len(lengths)
    files = [len(path.read_text(encoding="utf-8").splitlines()) for path in paths]
    return {
        "lines of a file, median and p90": _spread(files),
        "lines of a function, median and p90": _spread(lengths),
        f"functions over {LONG} lines, %": round(long, 1),
        "functions named by a bare participle": sum(map(bool, map(PARTICIPLE.fullmatch, named))),
        "names of two classes and more": sorted(n for n, times in classes.items() if times > 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/house", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to look at")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    options = parser.parse_args(arguments)
    found = figures(options.root)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    widest = max(map(len, found))
    for name, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        print(f"{name:<{widest}}  {shown}")
    graph = arrows(imports(options.root), modules(options.root))
    for top in TOPS:
        print("", *_storeys(folded(graph, top), top), sep="\n")
    return 0


def _storeys(rooms: Arrows, top: str) -> list[str]:
    """The rooms of a folder, a line a floor, the highest first."""
    stands = floors(rooms)
    lines = []
    for floor in range(max(stands.values()), 0, -1):
        names = sorted(n.removeprefix(f"{top}.") for n, at in stands.items() if at == floor)
        lines.append(f"{top}/ floor {floor:>2}  " + "  ".join(names))
    return lines


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _statements(node: ast.AST, inside: str = "") -> Iterable[tuple[ast.AST, str]]:
    """Every statement that imports, with the outermost function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, inside
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _statements(child, inside or (child.name if function else ""))


def _names(node: ast.AST) -> list[str]:
    """What a statement imports: of `from a import b` a.b, which may be a module or lie in one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert isinstance(node, ast.ImportFrom)
    return [f"{node.module}.{alias.name}" for alias in node.names]


def _reached(graph: Arrows, start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph[name])
    return found


def _defined(tree: ast.AST, kind: type[ast.FunctionDef | ast.ClassDef]) -> list[str]:
    return [node.name for node in ast.walk(tree) if isinstance(node, kind)]


def _lengths(tree: ast.AST) -> list[int]:
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def _spread(values: Sequence[int]) -> tuple[int, int]:
    return round(statistics.median(values)), round(statistics.quantiles(values, n=10)[-1])


if __name__ == "__main__":
    raise SystemExit(main())
