"""Figures of matplotlib as SVG for a page: text stays text, colours are those of the page.

matplotlib knows fixed colours alone. So every colour of the page has a number that stands for it
while a figure is drawn, and is put back in the finished SVG: one drawing suits light and dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

INK, SOFT, LINE, CARD = "#000101", "#000102", "#000103", "#000104"
ONE, TWO, THREE = "#000201", "#000202", "#000203"
VARIABLES = {
    INK: "ink", SOFT: "soft", LINE: "line", CARD: "card", ONE: "one", TWO: "two", THREE: "three"
}  # fmt: skip
HUE = 0x010000  # and the hue in degrees
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
UNITS = 72  # of a drawing in an inch of matplotlib's

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.size": 11, "text.color": SOFT, "text.parse_math": False,
    "axes.labelcolor": SOFT, "axes.labelsize": 11, "axes.titlesize": 11, "axes.titlecolor": SOFT,
    "axes.titlelocation": "left", "axes.titlepad": 8, "axes.facecolor": "none",
    "axes.grid": True, "axes.grid.axis": "y", "axes.axisbelow": True, "grid.color": LINE,
    "grid.linewidth": 1, "axes.spines.left": False, "axes.spines.right": False,
    "axes.spines.top": False, "axes.edgecolor": LINE, "xtick.color": LINE, "ytick.color": LINE,
    "xtick.labelcolor": SOFT, "ytick.labelcolor": SOFT, "ytick.major.size": 0,
    "xtick.major.size": 3, "figure.facecolor": "none", "lines.linewidth": 1.6,
    "axes.prop_cycle": f"cycler('color', ['{INK}'])",
}  # fmt: skip


def of_hue(hue: int) -> str:
    """The colour of a level, for matplotlib."""
    return f"#{HUE + hue:06x}"


def drawing(
    what: str, draw: Callable[[Figure], Mapping[str, Sequence[str]]], width: int, height: int
) -> str:
    """An `<svg>` for a page.

    Args:
        what: What is read out to who cannot see it.
        draw: Draws into a figure; returns what marks tell on hover, by the `gid` of their artist.
        width, height: In units; text is of 11.
    """
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": what}):
        figure = Figure((width / UNITS, height / UNITS), layout="constrained")
        said = draw(figure)
        file = BytesIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=nothing)
    root = ElementTree.fromstring(file.getvalue())
    for gid, texts in said.items():
        _tell(root, gid, texts)
    _for_a_page(root)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": what}
    text = ElementTree.tostring(root, encoding="unicode")
    text = re.sub(r"font-family: [^;]*; ", "", re.sub(r"\s*\n\s*", " ", text))
    return re.sub(r"(?<=: )#[0-9a-f]{6}", lambda found: _colour(found[0]), text)


def _colour(number: str) -> str:
    """What the page calls the colour that a number stands for."""
    if number in VARIABLES:
        return f"var(--{VARIABLES[number]})"
    hue = int(number[1:], 16) - HUE
    if not 0 <= hue <= 360:
        raise ValueError(f"{number} stands for no colour of the page")
    return f"oklch(var(--lv-l) var(--lv-c) {hue})"


def _tell(root: ElementTree.Element, gid: str, texts: Sequence[str]) -> None:
    """Give each mark of an artist its title."""
    group = next(group for group in root.iter(f"{SVG}g") if group.get("id") == gid)
    marks = list(group.iter(f"{SVG}use")) or list(group.iter(f"{SVG}path"))
    for mark, text in zip(marks, texts, strict=True):
        ElementTree.SubElement(mark, f"{SVG}title").text = text


def _for_a_page(root: ElementTree.Element) -> None:
    """Names as HTML has them; no style or id that other figures of the page would share."""
    for parent in list(root.iter()):
        for child in parent.findall(f"{SVG}style"):
            parent.remove(child)
    for part in root.iter():
        part.tag = part.tag.removeprefix(SVG)
        if part.tag == "g":
            part.attrib.pop("id", None)
        if "d" in part.attrib:  # two digits are enough of a unit
            part.attrib["d"] = re.sub(r"(\.\d\d)\d+", r"\1", part.attrib["d"])
        if LINK in part.attrib:
            part.attrib["href"] = part.attrib.pop(LINK)
