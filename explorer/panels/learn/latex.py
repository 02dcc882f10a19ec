"""Numbers and equations as LaTeX inside Markdown, for the lines of the Learn tab."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

MOST_PARTS = 8  # of a sum that are written out; of more, neighbours are added up
DIGITS = (2, 3, 1, 4, 0)  # the first with which the rounded parts add up to the rounded sum
SPECIAL = "\\`*_[]|~#<>&"


@dataclass(frozen=True)
class Part:
    """A term of a sum.

    Args:
        symbol: As LaTeX.
        value: Its value.
        minus: Whether it is taken away.
    """

    symbol: str
    value: float
    minus: bool = False


def total(parts: Iterable[Part]) -> float:
    return sum(-part.value if part.minus else part.value for part in parts)


def equation(whole: Part, parts: Sequence[Part]) -> str:
    """`whole = part + part + …`, a number over each symbol, in pieces between which lines break.

    Args:
        parts: In order; of more than `MOST_PARTS` the neighbours among the last are added up.
    """
    shown = grouped(parts)
    digits = next((d for d in DIGITS if adds_up(whole, shown, d)), DIGITS[0])
    written = [over(whole, digits), "$=$"]
    for at, part in enumerate(shown):
        written += ["$-$" if part.minus else "$+$"] if at else []
        written.append(over(part, digits, enclosed=at > 0))
    return " ".join(written)


def adds_up(whole: Part, parts: Sequence[Part], digits: int) -> bool:
    """Whether the numbers as they are shown add up."""
    rounded = (Part(part.symbol, round(part.value, digits), part.minus) for part in parts)
    return round(total(rounded) - round(whole.value, digits), digits) == 0


def grouped(parts: Sequence[Part]) -> list[Part]:
    """At most `MOST_PARTS` parts, the first of them as it is."""
    if len(parts) <= MOST_PARTS:
        return list(parts)
    first, rest = parts[0], parts[1:]
    size = -(-len(rest) // (MOST_PARTS - 1))
    runs = (rest[start : start + size] for start in range(0, len(rest), size))
    return [first, *(joined(run) for run in runs)]


def joined(run: Sequence[Part]) -> Part:
    """Neighbours in a sum as one part, named by the first and the last."""
    if len(run) == 1:
        return run[0]
    return Part(f"{run[0].symbol} + \\dots + {run[-1].symbol}", total(run))


def over(part: Part, digits: int, enclosed: bool = False) -> str:
    """A number with its symbol below, as a formula; a negative one may be put in brackets."""
    shown = number(part.value, digits)
    shown = f"({shown})" if enclosed and part.value < 0 else shown
    return f"$\\underbrace{{{shown}}}_{{{part.symbol}}}$"


def number(value: float, digits: int) -> str:
    """A number with thousands apart, as LaTeX."""
    return f"{value:,.{digits}f}".replace(",", "{,}")


def short(value: float) -> str:
    """A number with two digits that count, never as a power of ten."""
    digits = 1 - floor(log10(abs(value))) if value else 0
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def plain(text: object) -> str:
    """A name as Markdown shows it, whatever signs it is made of; no formula begins in it."""
    marked = "".join(f"&#{ord(sign)};" if sign in SPECIAL else sign for sign in str(text))
    return marked.replace("$", "＄")
