"""The typefaces of the glyphs set, and their files.

`typeface_list.json` names every file: by package its version and licence, then path, SHA-256,
family, weight and slant of each. A family may come in several weights, upright and slanted.
`choosing.py` made the list, by the rules that it states.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("typeface_list.json")
WEIGHTS = ("light", "regular", "medium", "bold", "black")
SLANTS = ("upright", "slanted")
NAME, NOUN = "glyphs", "typefaces"  # in specs and messages


@dataclass(frozen=True)
class Typeface:
    """One entry of the list.

    Attributes:
        package: The Debian package that holds the file.
        version: The version whose file has this hash.
        licence: Of the typeface, as the package's copyright file states.
        path: Inside the package, without a leading slash.
        sha256: Of the file.
        family: What its makers call it, without the words for weight and slant.
        weight: One of `WEIGHTS`.
        slant: One of `SLANTS`.
    """

    package: str
    version: str
    licence: str
    path: str
    sha256: str
    family: str
    weight: str
    slant: str


@cache
def typeface_list() -> tuple[Typeface, ...]:
    """All typefaces, in the order of the list."""
    packages = json.loads(LIST.read_text(encoding="utf-8"))
    return tuple(
        Typeface(package, facts["version"], facts["licence"], *typeface)
        for package, facts in packages.items()
        for typeface in facts["typefaces"]
    )


def list_json(typefaces: Iterable[Typeface]) -> str:
    """The text of the list, a line a typeface."""
    packages: dict[str, list[Typeface]] = {}
    for typeface in typefaces:
        packages.setdefault(typeface.package, []).append(typeface)
    return "{\n" + ",\n".join(_package_json(*item) for item in packages.items()) + "\n}\n"


def _package_json(package: str, typefaces: Sequence[Typeface]) -> str:
    first = typefaces[0]
    head = f'"version": {json.dumps(first.version)}, "licence": {json.dumps(first.licence)}'
    rows = ",\n".join(
        "  " + json.dumps([t.path, t.sha256, t.family, t.weight, t.slant], ensure_ascii=False)
        for t in typefaces
    )
    return f'{json.dumps(package)}: {{{head}, "typefaces": [\n{rows}]}}'
