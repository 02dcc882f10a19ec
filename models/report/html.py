"""Pieces of HTML that the sections of the report share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from models.errors import BadInput


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in rows)
    return (
        f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )


def grid(figures: Sequence[str]) -> str:
    return f"<div class=grid>{''.join(figures)}</div>"


def pictures(items: Sequence[tuple[str, Sequence[str], str]]) -> str:
    """Figures of a title, images and their text; one alone takes the whole width."""
    kind = " class=wide" if len(items) == 1 else ""
    return grid([
        f"<figure{kind}>{f'<h3>{name}</h3>' if name else ''}"
        f"<div class=parts>{''.join(image(uri, text) for uri in uris)}</div>"
        f"<figcaption>{text}</figcaption></figure>"
        for name, uris, text in items
    ])  # fmt: skip


def image(uri: str, text: str) -> str:
    return f'<img src="{uri}" alt="{escape(text)}">'


def kept(page: str, head: str, end: str) -> str:
    """The part of an earlier page from a heading on, up to what ends it.

    Raises:
        BadInput: It is not there.
    """
    found = re.search(f"{re.escape(head)}.*?(?={re.escape(end)})", page, re.DOTALL)
    if found is None:
        raise BadInput(
            "report.html is missing in the checkpoint, or has no part of what is not measured "
            "again, so that it cannot stay: measure all parts."
        )
    return found[0]


def minus(number: str) -> str:
    """A number with the sign that belongs in text."""
    return number.replace("-", "−")


def plain(note: str) -> str:
    """A line of Markdown with code spans as HTML."""
    parts = escape(note).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))
