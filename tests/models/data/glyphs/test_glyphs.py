"""The glyphs: every letter in every typeface once, at one height, from files that are checked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data import load_data
from models.data.drawn.sets import draw_set
from models.data.glyphs import typefaces
from models.data.glyphs.drawing import LETTERS, glyph, glyph_set, opened
from models.data.glyphs.typefaces import SLANTS, list_json, typeface_list
from models.errors import BadInput
from tests.models.dejavu import FILES, FOLDER, INSTALLED, three
from tests.running import ROOT

pytestmark = INSTALLED


def test_every_letter_comes_in_every_typeface_once() -> None:
    drawn = glyph_set([Path("/")], three())
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


def test_the_order_is_the_seeds() -> None:
    drawn = glyph_set([Path("/")], three())
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


def test_files_that_are_missing_or_other_ones(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"3 of 3 typefaces.*apt install fonts-dejavu-core"):
        glyph_set([tmp_path], three())
    wrong = replace(three()[0], sha256="0" * 64)
    with pytest.raises(BadInput, match="is not the file of fonts-dejavu-core 2"):
        glyph_set([Path("/")], [wrong, *three()[1:]])


def test_the_docs_name_every_package_and_its_licence() -> None:
    page = (ROOT / "docs" / "glyphs.md").read_text(encoding="utf-8")
    for package, licence in {(t.package, t.licence) for t in typeface_list()}:
        assert f"| {package} | " in page and f"| {licence} |" in page


def test_the_list_survives_json(monkeypatch: pytest.MonkeyPatch,
                                tmp_path: Path) -> None:  # fmt: skip
    file = tmp_path / "list.json"
    file.write_text(list_json(three()), encoding="utf-8")
    assert list(json.loads(file.read_text())) == ["fonts-dejavu-core"]
    monkeypatch.setattr(typefaces, "LIST", file)
    assert list(typefaces.typeface_list.__wrapped__()) == list(three())


def test_the_set_as_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for module in ("drawing", "reading"):
        monkeypatch.setattr(f"models.data.glyphs.{module}.typeface_list", three)
    data = load_data("glyphs")
    assert data.train.shape == (177, 32, 32, 1) and data.test.shape == (9, 32, 32, 1)
    assert data.card["licences"] == {"fonts-dejavu-core": "Vera"}
    assert data.card["classes"]["letter"] == list(LETTERS)  # pyright: ignore
    with pytest.raises(BadInput, match="write glyphs:FOLDER"):
        load_data("glyphs:/nowhere")
    with pytest.raises(BadInput, match="3 of 3 typefaces"):
        load_data(f"glyphs:{tmp_path}")
