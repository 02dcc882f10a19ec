"""docs/theory.md as the Learn tab shows it: the one text, with three kinds of marks filled in.

    <!-- live: NAME -->      a line with the numbers of the model in use
    <!-- family: NAME -->    the part up to the next heading is about models of this kind; that of
                             other kinds is folded
    → [`module.name`](path)  the function that computes the formula above: its source, folded

On GitHub the comments are invisible and the arrows are links.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[3]
THEORY = ROOT / "docs" / "theory.md"
MARK = re.compile(r"^<!-- (live|family): ([a-z-]+) -->$")
HEADING = re.compile(r"^(#{1,3}) (.+)$")
ARROW = "→ "
CODE_LINK = re.compile(r"\[`([\w.]+)`\]\(([\w./-]+\.py)\)")
PAGE_LINK = re.compile(r"\[([\w.]+)\]\(([\w./-]+\.md)\)")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
ELSEWHERE = "Of another kind than {}: show it"


def theory() -> str:
    """The text as it lies in the repository."""
    return THEORY.read_text(encoding="utf-8")


def page(text: str, name: str, kind: str, own: str, lines: Mapping[str, str]) -> str:
    """The text with its marks filled in, as Markdown.

    Args:
        text: That of docs/theory.md.
        name: The model in use, as Markdown.
        kind: The `family:` part that is about it.
        own: The line that this part begins with.
        lines: What stands at the `live:` marks; nothing where a name is missing.
    """
    found, folded = [], False
    for block in text.strip().split("\n\n"):
        mark, heading = MARK.match(block), HEADING.match(block)
        if heading and folded:
            found.append("</details>")
            folded = False
        if heading and len(heading[1]) == 1:
            continue  # the tab's own name says it
        if mark and mark[1] == "live":
            found.append("" if folded else lines.get(mark[2], ""))
        elif mark:
            folded = mark[2] != kind
            summary = f"<summary>{ELSEWHERE.format(name)}</summary>"
            found.append(f'<details class="elsewhere">{summary}' if folded else own)
        elif block.startswith(ARROW):
            found.extend(source_fold(*link) for link in CODE_LINK.findall(block))
        else:
            found.append(PAGE_LINK.sub(r"`docs/\2`", block))
    return "\n\n".join(block for block in (*found, "</details>" if folded else "") if block)


def headings(text: str) -> list[tuple[int, str, str]]:
    """Depth, title and anchor of every heading but the first, as Gradio gives them ids."""
    found = (HEADING.match(line) for line in text.splitlines())
    return [
        (len(match[1]), match[2], "h-" + re.sub(r"[^\w -]", "", match[2].lower()).replace(" ", "-"))
        for match in found
        if match and len(match[1]) > 1
    ]


def source_fold(name: str, path: str) -> str:
    """The source of a function, folded under its name.

    Args:
        name: `module.name` or `module.Class.method`.
        path: Of its file, from docs/.
    """
    file = (THEORY.parent / path).resolve()
    where = f"{escape(name)} <i>{escape(file.relative_to(ROOT).as_posix())}</i>"
    return (
        f'<details class="source"><summary>{where}</summary>\n\n'
        f"```python\n{source_of(file, name)}\n```\n\n</details>"
    )


@cache
def _parsed(file: Path) -> tuple[str, ast.Module]:
    text = file.read_text(encoding="utf-8")
    return text, ast.parse(text)


@cache
def source_of(file: Path, name: str) -> str:
    """The source of `module.name` (or `package.module.name`) in the module's file.

    Raises:
        LookupError: The file defines no such name.
    """
    text, module = _parsed(file)
    node: ast.Module | Definition = module
    for part in name.partition(f"{file.stem}.")[2].split("."):
        inside = (child for child in node.body if isinstance(child, Definition))
        found = next((child for child in inside if child.name == part), None)
        if found is None:
            raise LookupError(f"{name} is not defined in {file}")
        node = found
    assert isinstance(node, Definition)
    first = min(line.lineno for line in (node, *node.decorator_list))
    return dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))
