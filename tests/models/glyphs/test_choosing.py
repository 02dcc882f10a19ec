"""How typefaces are chosen: by licence, by name, and neither twins nor strangers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data.glyphs import typefaces
from models.data.glyphs.drawing import LETTERS, glyph, opened
from models.data.glyphs.typefaces import SLANTS, WEIGHTS, list_json, typeface_list
from models.glyphs import choosing
from models.glyphs.choosing import Candidate, chosen, licence_of, named
from tests.models.dejavu import INSTALLED, three


def test_the_list_names_free_typefaces_of_many_families() -> None:
    found = typeface_list()
    assert len(found) >= 300 and len({typeface.family for typeface in found}) > 200
    assert len({typeface.sha256 for typeface in found}) == len(found)
    keys = Counter((t.family, t.weight, t.slant) for t in found)
    assert max(keys.values()) == 1
    for typeface in found:
        assert choosing.FREE.search(typeface.licence), typeface
        read = choosing.LICENCES.get(typeface.package.removeprefix("fonts-"), typeface.licence)
        assert typeface.licence == read, typeface
        assert typeface.weight in WEIGHTS and typeface.slant in SLANTS
        assert typeface.path.startswith("usr/share/") and ".." not in typeface.path
        assert len(typeface.sha256) == 64 and typeface.package.startswith("fonts-")
    assert {t.weight for t in found} == set(WEIGHTS) and {t.slant for t in found} == set(SLANTS)
    assert list_json(found) == typefaces.LIST.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (("DejaVu Sans", "Bold Oblique"), ("DejaVu Sans", "bold", "slanted")),
        (("Lato Semibold", "Italic"), ("Lato", "medium", "slanted")),
        (("Clear Sans Thin", "Regular"), ("Clear Sans", "light", "upright")),
        (("Roboto", "ExtraBold"), ("Roboto", "black", "upright")),
        (("Josefin Demi", "Regular"), ("Josefin", "medium", "upright")),
        (("Times New Roman", None), ("Times New Roman", "regular", "upright")),
        (("Black", "Regular"), ("Black", "black", "upright")),
    ],
)
def test_names_are_parted_into_family_weight_and_slant(
    name: tuple[str, str | None], expected: tuple[str, str, str]
) -> None:
    assert named(*name) == expected


def test_licences_are_read_from_copyright_files(tmp_path: Path) -> None:
    place = tmp_path / "usr/share/doc/fonts-mine"
    place.mkdir(parents=True)
    (place / "copyright").write_text("Format: x\n\nFiles: *\nCopyright: me\nLicense: OFL-1.1\n")
    assert licence_of(tmp_path, "fonts-mine") == "OFL-1.1"
    (place / "copyright").write_text("All rights are mine.\n")
    assert licence_of(tmp_path, "fonts-mine") == ""
    assert licence_of(tmp_path, "fonts-mathjax") == ""


@INSTALLED
def test_twins_and_strangers_are_not_chosen() -> None:
    glyphs = [
        np.stack([glyph(opened(Path("/") / t.path), letter) for letter in LETTERS]) / 255
        for t in three()
    ]
    plain = [Candidate(t, g) for t, g in zip(three(), glyphs, strict=True)]
    assert chosen(plain) == list(three())
    twin = Candidate(replace(three()[0], family="Another", sha256="1" * 64), glyphs[0] * 0.99)
    noise = np.random.default_rng(0).random(glyphs[0].shape)
    stranger = Candidate(replace(three()[0], family="Dings"), noise)
    assert chosen([*plain, twin, stranger]) == list(three())
