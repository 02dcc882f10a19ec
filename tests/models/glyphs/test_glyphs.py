"""The glyphs: every letter in every typeface once, at one height, from files that are checked."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data import load_data
from models.drawn.sets import draw_set
from models.errors import BadInput
from models.glyphs import choosing, typefaces
from models.glyphs.choosing import Candidate, chosen, licence_of, named
from models.glyphs.drawing import LETTERS, glyph, glyph_set, opened
from models.glyphs.typefaces import SLANTS, WEIGHTS, Typeface, list_json, typeface_list

ROOT = Path(__file__).parents[3]
FOLDER = "usr/share/fonts/truetype/dejavu"
FILES = {
    "DejaVuSans.ttf": ("DejaVu Sans", "regular"),
    "DejaVuSans-Bold.ttf": ("DejaVu Sans", "bold"),
    "DejaVuSerif.ttf": ("DejaVu Serif", "regular"),
}
pytestmark = pytest.mark.skipif(
    not all((Path("/") / FOLDER / name).is_file() for name in FILES),
    reason="Debian's fonts-dejavu-core is not installed",
)


def dejavu(name: str) -> Typeface:
    family, weight = FILES[name]
    path = f"{FOLDER}/{name}"
    sha256 = hashlib.sha256((Path("/") / path).read_bytes()).hexdigest()
    return Typeface("fonts-dejavu-core", "2", "Vera", path, sha256, family, weight, "upright")


@pytest.fixture(scope="module")
def three() -> list[Typeface]:
    return [dejavu(name) for name in FILES]


def test_every_letter_comes_in_every_typeface_once(three: list[Typeface]) -> None:
    drawn = glyph_set([Path("/")], three)
    assert drawn.most == 186
    pictures, labels = draw_set(drawn, 186)
    assert pictures.shape == (186, 32, 32, 1) and pictures.dtype == np.uint8
    family, weight = drawn.attributes["family"], drawn.attributes["weight"]
    seen = Counter(
        (LETTERS[letter], family[f], weight[w])
        for letter, f, w in zip(*(labels[n] for n in ("letter", "family", "weight")), strict=True)
    )
    assert seen == Counter(
        (letter, family, weight) for letter in LETTERS for family, weight in FILES.values()
    )
    assert (labels["slant"] == SLANTS.index("upright")).all()
    # The labels are those of the pictures.
    where = int(np.flatnonzero((labels["letter"] == 0) & (labels["family"] == 1))[0])
    alone = glyph(opened(Path("/") / FOLDER / "DejaVuSerif.ttf"), "A")
    assert np.array_equal(pictures[where, ..., 0], alone)


def test_the_order_is_the_seeds(three: list[Typeface]) -> None:
    drawn = glyph_set([Path("/")], three)
    first, second = draw_set(drawn, 30, seed=1)[1], draw_set(drawn, 30, seed=2)[1]
    assert not np.array_equal(first["letter"], second["letter"])
    assert np.array_equal(first["letter"], draw_set(drawn, 186, seed=1)[1]["letter"][:30])
    with pytest.raises(BadInput, match="there are 186 pictures"):
        draw_set(drawn, 187)


def test_a_capital_is_eighteen_pixels_high_on_the_baseline_in_the_middle() -> None:
    for name in FILES:
        font = opened(Path("/") / FOLDER / name)
        ink = glyph(font, "H") / 255
        rows = np.flatnonzero(ink.max(axis=1) > 0.5)
        assert (rows[0], rows[-1]) == (6, 23), name  # 18 rows above the baseline at 24
        columns = np.flatnonzero(ink.max(axis=0) > 0.5)
        assert abs(columns[0] + columns[-1] - 31) <= 1, name
        assert np.flatnonzero(glyph(font, "p").max(axis=1) > 128)[-1] > 24
        assert ink.max() == 1 and ink.min() == 0
        wide = glyph(font, "p", margin=4)
        assert wide.shape == (40, 40) and np.array_equal(wide[4:36, 4:36], glyph(font, "p"))


def test_grey_is_the_share_of_ink() -> None:
    fine = glyph(opened(Path("/") / FOLDER / "DejaVuSans-Bold.ttf"), "l")
    rows = fine[10:20].astype(float)
    assert np.ptp(rows, axis=0).max() == 0  # a stem is the same in every row,
    assert 2.5 < rows[0].sum() / 255 < 5.5  # and as wide as a bold one is: about a fifth of 18


def test_files_that_are_missing_or_other_ones(three: list[Typeface], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"3 of 3 typefaces.*apt install fonts-dejavu-core"):
        glyph_set([tmp_path], three)
    wrong = replace(three[0], sha256="0" * 64)
    with pytest.raises(BadInput, match="is not the file of fonts-dejavu-core 2"):
        glyph_set([Path("/")], [wrong, *three[1:]])


def test_the_list_names_free_typefaces_of_many_families() -> None:
    found = typeface_list()
    assert len(found) >= 300 and len({typeface.family for typeface in found}) > 200
    assert len({typeface.sha256 for typeface in found}) == len(found)
    keys = Counter((t.family, t.weight, t.slant) for t in found)
    assert max(keys.values()) == 1
    for typeface in found:
        assert choosing.FREE.search(typeface.licence), typeface
        assert typeface.weight in WEIGHTS and typeface.slant in SLANTS
        assert typeface.path.startswith("usr/share/") and ".." not in typeface.path
        assert len(typeface.sha256) == 64 and typeface.package.startswith("fonts-")
    assert {t.weight for t in found} == set(WEIGHTS) and {t.slant for t in found} == set(SLANTS)
    assert list_json(found) == typefaces.LIST.read_text(encoding="utf-8")


def test_the_docs_name_every_package_and_its_licence() -> None:
    page = (ROOT / "docs" / "glyphs.md").read_text(encoding="utf-8")
    for package, licence in {(t.package, t.licence) for t in typeface_list()}:
        assert f"| {package} | " in page and f"| {licence} |" in page


def test_the_list_survives_json(three: list[Typeface], monkeypatch: pytest.MonkeyPatch,
                                tmp_path: Path) -> None:  # fmt: skip
    file = tmp_path / "list.json"
    file.write_text(list_json(three), encoding="utf-8")
    assert list(json.loads(file.read_text())) == ["fonts-dejavu-core"]
    monkeypatch.setattr(typefaces, "LIST", file)
    assert list(typefaces.typeface_list.__wrapped__()) == three


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


def test_twins_and_strangers_are_not_chosen(three: list[Typeface]) -> None:
    glyphs = [
        np.stack([glyph(opened(Path("/") / t.path), letter) for letter in LETTERS]) / 255
        for t in three
    ]
    plain = [Candidate(t, g) for t, g in zip(three, glyphs, strict=True)]
    assert chosen(plain) == three
    twin = Candidate(replace(three[0], family="Another", sha256="1" * 64), glyphs[0] * 0.99)
    noise = np.random.default_rng(0).random(glyphs[0].shape)
    stranger = Candidate(replace(three[0], family="Dings"), noise)
    assert chosen([*plain, twin, stranger]) == three


def test_the_set_as_data(
    three: list[Typeface], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for module in ("drawing", "reading"):
        monkeypatch.setattr(f"models.glyphs.{module}.typeface_list", lambda: tuple(three))
    data = load_data("glyphs")
    assert data.train.shape == (177, 32, 32, 1) and data.test.shape == (9, 32, 32, 1)
    assert data.card["licences"] == {"fonts-dejavu-core": "Vera"}
    assert data.card["classes"]["letter"] == list(LETTERS)  # pyright: ignore
    with pytest.raises(BadInput, match="write glyphs:FOLDER"):
        load_data("glyphs:/nowhere")
    with pytest.raises(BadInput, match="3 of 3 typefaces"):
        load_data(f"glyphs:{tmp_path}")
