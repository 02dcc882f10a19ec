"""How the typefaces were chosen: `python -m models.glyphs.choosing FOLDER --out LIST`.

FOLDER holds unpacked Debian packages of fonts (`dpkg -x`) and their .deb files in FOLDER/debs. A
file is taken if

    its package is under a licence of `FREE`, as its copyright file or `LICENCES` says
    it has all 62 letters and digits, and small letters that differ from capitals
    no glyph has more than 2 % of its ink outside of the square
    it is the first such file of its family, weight and slant, the shortest file name first
    its glyphs are like those of the others: each correlates with the mean over all typefaces,
        0.5 or more in the mean over glyphs
    no typeface taken before it has nearly the same glyphs (RMS below 3 % of white)
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ImageFont

from models.data.glyphs.drawing import LETTERS, SIDE, glyph, opened
from models.data.glyphs.typefaces import Typeface, list_json
from models.storage.atomic import write_file

FREE = re.compile(
    r"OFL|SIL|Apache|MIT|Expat|BSD|CC0|CC-BY|[Pp]ublic.?[Dd]omain|GPL|GUST|Vera|Unlicense", re.I
)
# What copyright files say in prose alone, or say of the typefaces elsewhere than under `Files: *`;
# each was read. "" leaves a package out.
LICENCES = {
    **dict.fromkeys(
        ("campania", "ecolier-court", "evertype-conakry", "gfs-artemisia", "gfs-baskerville",
         "gfs-bodoni-classic", "gfs-complutum", "gfs-didot-classic", "gfs-didot", "gfs-gazis",
         "gfs-neohellenic", "gfs-olga", "gfs-theokritos", "jura", "play", "sil-galatia",
         "smc-gayathri", "smc-keraleeyam", "smc-manjari", "smc-uroob", "tomsontalks"),
        "OFL-1.1",
    ),
    **dict.fromkeys(
        ("century-catalogue", "inconsolata", "levien-museum", "levien-typoscript", "oldstandard"),
        "OFL-1.0",
    ),
    **dict.fromkeys(
        ("tlwg-garuda-ttf", "tlwg-kinnari-ttf", "tlwg-laksaman-ttf", "tlwg-loma-ttf",
         "tlwg-mono-ttf", "tlwg-norasi-ttf", "tlwg-purisa-ttf", "tlwg-sawasdee-ttf",
         "tlwg-typewriter-ttf", "tlwg-typist-ttf", "tlwg-typo-ttf", "tlwg-umpush-ttf"),
        "GPL-2+ with Font exception",
    ),
    "tlwg-waree-ttf": "Bitstream Vera",
    "dustin": "GPL",  # of no stated version
    "sjfonts": "GPL with Font exception",
    "linex": "GPL-2+",
    "freefont-ttf": "GPL-3+ with Font exception",
    "liberation": "GPL-2 with Font exception",
    "smc-dyuthi": "GPL-3+ with Font exception or OFL-1.1",
    **dict.fromkeys(("lmodern", "texgyre"), "GUST Font License"),
    # Several programs or licences in one package, or one that is not known elsewhere.
    **dict.fromkeys(
        ("circos-symbols", "lyx", "mathjax", "povray", "proggy", "hermit", "texgyre-math"), ""
    ),
}  # fmt: skip
_OUTSIDE, _ALIKE, _SAME = 0.02, 0.5, 0.03
_MARGIN = 8
_SMALL = "aegrnqt"
_WEIGHTS = (
    ("black", r"black|heavy|ultra ?bold|extra ?bold|fat"),
    ("medium", r"medium|(semi|demi) ?(bold)?(?= |$)"),
    ("bold", r"bold"),
    ("light", r"thin|hairline|light"),
)
_SLANTED = re.compile(r"italic|oblique|slanted|kursiv", re.I)
_STYLE = re.compile(
    r"[ -]*\b(thin|hairline|(extra|ultra|semi|demi)?[ -]?(light|bold)|demi|medium|black|heavy|"
    r"regular|italic|oblique|slanted)$", re.I,
)  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A file that can be drawn: what it is, and its 62 glyphs, float32 `(62, 32, 32)` in [0, 1]."""

    typeface: Typeface
    glyphs: np.ndarray


def candidates(folder: Path) -> Iterator[Candidate]:
    """What can be drawn under a folder of unpacked packages, by package, family and file name."""
    taken = set()
    for package, version in sorted(_versions(folder)):
        licence = licence_of(folder, package)
        if not FREE.search(licence):
            print(f"{package}: left out, its licence is {licence or 'not one'}", file=sys.stderr)
            continue
        for path in _font_files(folder, package):
            try:
                font = opened(path)
                key = named(*font.getname())
                if key not in taken:
                    glyphs = _all_glyphs(font)
                    taken.add(key)
                    place = path.relative_to(folder).as_posix()
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    typeface = Typeface(package, version, licence, place, digest, *key)
                    yield Candidate(typeface, glyphs)
            except (OSError, ValueError) as error:
                print(f"{path.name}: left out, {error}", file=sys.stderr)


def licence_of(folder: Path, package: str) -> str:
    """The licence of a package's typefaces: by `LICENCES`, or as its copyright file says at `*`."""
    read = LICENCES.get(package.removeprefix("fonts-"))
    if read is not None:
        return read
    text = (folder / f"usr/share/doc/{package}/copyright").read_text(errors="replace")
    found = re.search(r"^Files: ?\*.*?^License: *(.*?)$", text, re.M | re.S)
    return found[1].strip() if found else ""


def chosen(found: list[Candidate]) -> list[Typeface]:
    """The typefaces of the list among candidates, by the rules that compare them."""
    glyphs = np.stack([candidate.glyphs for candidate in found])
    mean = _centred(glyphs.mean(axis=0))
    likeness = [float((_centred(own) * mean).sum(axis=1).mean()) for own in glyphs]
    apart = _apart(glyphs)
    kept: list[int] = []
    for number in range(len(found)):
        if likeness[number] >= _ALIKE and not (apart[number, kept] < _SAME).any():
            kept.append(number)
    return [found[number].typeface for number in kept]


def _apart(glyphs: np.ndarray) -> np.ndarray:
    """The RMS of the difference of each two typefaces of `(N, 62, 32, 32)`: `(N, N)`."""
    flat = glyphs.reshape(len(glyphs), -1)
    squares = (flat**2).sum(axis=1)
    products = squares[:, None] + squares - 2 * flat @ flat.T
    return np.sqrt(products.clip(0) / flat.shape[1])


def _centred(glyphs: np.ndarray) -> np.ndarray:
    """Glyphs as vectors of mean 0 and length 1, `(62, 1024)`."""
    flat = glyphs.reshape(len(glyphs), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6)


def _all_glyphs(font: ImageFont.FreeTypeFont) -> np.ndarray:
    """The 62 glyphs, float32 `(62, 32, 32)`; ValueError if they are not fit."""
    glyphs = np.stack([_whole_glyph(font, letter) for letter in LETTERS])
    missing = glyph(font, "\uffff").astype(np.float32) / 255
    if (glyphs == missing).all(axis=(1, 2)).any():
        raise ValueError("a letter or a digit is missing")
    index = LETTERS.index
    same = [np.abs(glyphs[index(s)] - glyphs[index(s.upper())]).mean() < 0.02 for s in _SMALL]
    if sum(same) > len(_SMALL) // 2:
        raise ValueError("its small letters are capitals")
    return glyphs


def _whole_glyph(font: ImageFont.FreeTypeFont, letter: str) -> np.ndarray:
    """A glyph in [0, 1], `(32, 32)`; ValueError if it is empty or leaves the square."""
    wide = glyph(font, letter, _MARGIN).astype(np.float32) / 255
    inside = wide[_MARGIN : _MARGIN + SIDE, _MARGIN : _MARGIN + SIDE]
    if not wide.sum() > 1 or 1 - inside.sum() / wide.sum() > _OUTSIDE:
        raise ValueError(f"'{letter}' is empty or leaves the square")
    return inside


def named(family: str | None, style: str | None) -> tuple[str, str, str]:
    """Family, weight and slant of a typeface, from what its file calls family and style."""
    if not family:
        raise ValueError("it has no name")
    words = f"{family} {style or ''}"
    weight = next((name for name, said in _WEIGHTS if re.search(said, words, re.I)), "regular")
    slant = "slanted" if _SLANTED.search(words) else "upright"
    plain = family
    while (shorter := _STYLE.sub("", plain)) != plain and shorter:
        plain = shorter
    return plain, weight, slant


def _versions(folder: Path) -> list[tuple[str, str]]:
    """Package and version of the .deb files under FOLDER/debs."""
    shown = [
        subprocess.run(
            ["dpkg-deb", "--show", str(deb)], check=True, capture_output=True, text=True
        ).stdout.split()
        for deb in sorted((folder / "debs").glob("*.deb"))
    ]
    return [(package, version) for package, version in shown]


def _font_files(folder: Path, package: str) -> list[Path]:
    """The fonts of a package, by file name, the shortest first."""
    (deb,) = (folder / "debs").glob(f"{package}_*.deb")
    listed = subprocess.run(
        ["dpkg-deb", "--contents", str(deb)], check=True, capture_output=True, text=True
    ).stdout
    paths = [folder / p for p in re.findall(r"\./(\S+\.(?:ttf|otf))$", listed, re.M | re.I)]
    return sorted((p for p in paths if not p.is_symlink()), key=lambda p: (len(p.name), p.name))


def main(arguments: list[str] | None = None) -> None:
    """Write the list of the typefaces that the rules take."""
    parser = argparse.ArgumentParser(prog="python -m models.glyphs.choosing", description=__doc__)
    parser.add_argument("folder", type=Path, help="where packages were unpacked")
    parser.add_argument("--out", type=Path, required=True, help="the list to write")
    options = parser.parse_args(arguments)
    typefaces = chosen(list(candidates(options.folder)))
    write_file(options.out, list_json(typefaces).encode())
    families = len({typeface.family for typeface in typefaces})
    print(f"{len(typefaces)} typefaces of {families} families")


if __name__ == "__main__":
    main()
