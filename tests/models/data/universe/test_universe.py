"""The universe: seeded, in sixteen free styles, its labels what the library picked."""

from __future__ import annotations

import colorsys
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("dicebear", reason="requirements-universe.txt is not installed")

from dicebear import Avatar
from dicebear.validator import StyleValidator

from models.data import load_data
from models.data.drawn.sets import draw_set, read_set
from models.data.universe import styles
from models.data.universe.drawing import UNIVERSE, asked_of, draw
from models.data.universe.options import GROUNDS, NONE, attributes, classes_of
from models.data.universe.styles import FREE, STYLES, credits, definition, drawable
from models.errors import BadInput
from tests.running import ROOT

ATTRIBUTES = attributes()


def named(classes: list[int]) -> dict[str, str]:
    """The names of a picture's classes, without those that it does not have."""
    pairs = zip(ATTRIBUTES.items(), classes, strict=True)
    return {label: names[k] for (label, names), k in pairs if names[k] != NONE}


def described(number: int) -> tuple[dict[str, str], dict[str, Any], str]:
    """Named classes of a picture of seed 0, what the library picked, and the drawing."""
    style, hue, asked = asked_of(0, number)
    drawn = Avatar(drawable(style), asked)
    picked, svg = drawn.to_json()["options"], drawn.to_string()
    return named(classes_of(style, hue, picked, svg)), picked, svg


@pytest.fixture(scope="module", autouse=True)
def unchecked() -> Iterator[None]:
    """The library holds each of its own styles against its schema, for seconds: here it does not.

    The command's test, in a process of its own, goes without this.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StyleValidator, "validate", lambda data: None)
        yield
    drawable.cache_clear()


@pytest.fixture(scope="module")
def many() -> list[tuple[dict[str, str], dict[str, Any], str]]:
    return [described(number) for number in range(120)]


def test_pictures_are_seeded_and_move_no_global_randomness() -> None:
    state = random.getstate()
    pictures, labels = draw_set(UNIVERSE, 4, seed=3)
    assert random.getstate() == state
    assert pictures.shape == (4, 64, 64, 3)
    again, classes = draw(3, 2)
    assert np.array_equal(again, pictures[2])
    assert classes == [int(label[2]) for label in labels.values()]
    assert not np.array_equal(draw(4, 2)[0], again)


def test_every_style_is_free_and_says_whose_it_is() -> None:
    assert [credit.style for credit in credits()] == list(STYLES)
    for credit in credits():
        assert credit.licence in FREE
        assert credit.creator and credit.source.startswith("https://")
        assert credit.licence in definition(credit.style)["meta"]["license"]["text"]


def test_a_style_under_other_terms_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    meta = definition("micah")["meta"] | {"license": {"name": "All rights reserved"}}
    monkeypatch.setattr(styles, "definition", lambda style: {"meta": meta})
    with pytest.raises(BadInput, match="micah is under All rights reserved"):
        styles.drawable.__wrapped__("micah")


def test_styles_and_grounds_come_equally_often() -> None:
    asked = [asked_of(1, number)[:2] for number in range(3200)]
    shares = np.bincount([STYLES.index(style) for style, _ in asked], minlength=16) / 3200
    assert abs(shares - 1 / 16).max() < 0.018  # four standard errors
    grounds = np.bincount([round(hue * 6) % 6 for _, hue in asked]) / 3200
    assert abs(grounds - 1 / 6).max() < 0.027


def test_the_ground_is_pastel_and_as_its_label_says() -> None:
    centres = {name: k / 6 for k, name in enumerate(GROUNDS)}
    for number in range(12):
        picture, classes = draw(0, number)
        found = named(classes)
        top = {tuple(int(v) for v in pixel) for pixel in picture[0]}
        corner = max(top, key=lambda pixel: (picture[0] == pixel).all(axis=1).sum())
        if found["style"] == "landscape":  # its haze lies over the sky
            continue
        hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in corner))
        away = abs((hue - centres[found["ground"]] + 0.5) % 1 - 0.5)
        assert away < 1 / 12 + 0.01, (number, found["ground"], corner)
        assert 0.13 < saturation < 0.42 and value > 0.86


def test_what_the_library_picks_is_what_the_labels_say(many: list[Any]) -> None:
    assert {found["style"] for found, _, _ in many} == set(STYLES)
    for found, picked, svg in many:
        style = found["style"]
        said = set(found.values())
        parts = {key: value for key, value in picked.items() if key.endswith("Variant")}
        for key, value in parts.items():
            variants = definition(style)["components"].get(key.removesuffix("Variant"), {})
            if len(variants.get("variants", ())) > 1 and not key.startswith(("star", "animation")):
                drawn = [v for v in variants["variants"].values() if v.get("weight", 1) > 0]
                assert len(drawn) == 1 or f"{style} {value}" in said, (style, key, value)
        for key, value in picked.items():
            palette = definition(style)["colors"].get(key.removesuffix("Color"), {})
            if key != "backgroundColor" and len(palette.get("values", ())) > 1:
                assert (f"{style} {value[0]}" in said) >= (value[0] in svg), (style, key)


def test_a_colour_that_is_not_drawn_is_no_label(many: list[Any]) -> None:
    hatless = [
        (found, picked)
        for found, picked, svg in many
        if found["style"] == "voxel-art" and picked.get("hatColor", ["-"])[0] not in svg
    ]
    assert any("hatColor" in picked for _, picked in hatless)
    assert not any("hat_colour" in found for found, _ in hatless)


def test_stars_are_counted_and_ranges_are_cut_in_five(many: list[Any]) -> None:
    planets = [(found, picked) for found, picked, _ in many if found["style"] == "planets"]
    for found, picked in planets:
        shining = {key for key in picked if key.startswith("star") and key.endswith("Variant")}
        assert int(found["stars"]) == len(shining)
        if "ring_rotate" in found:
            low, high = map(float, found["ring_rotate"].removeprefix("planets ").split(" to "))
            assert low <= picked["ringRotate"] <= high
    assert len({found.get("ring_rotate") for found, _ in planets}) > 3
    assert not any("stars" in found for found, _, _ in many if found["style"] != "planets")


def test_what_is_left_out_is_never_drawn() -> None:
    hair = set()
    for number in range(1500):
        style, _, asked = asked_of(2, number)
        if style == "adventurer":
            hair.add(Avatar(drawable(style), asked).to_json()["options"]["hairVariant"])
    assert "long06" not in hair and len(hair) > 30
    assert "adventurer long06" not in ATTRIBUTES["hair"]


def test_no_two_classes_of_a_label_have_one_name_and_all_labels_can_be_stored() -> None:
    for label, names in ATTRIBUTES.items():
        assert len(set(names)) == len(names) > 1, label
        assert label.replace("_", "").isalnum()


def test_the_set_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = load_data("universe:20")
    pictures, labels = draw_set(UNIVERSE, 20)
    assert np.array_equal(data.train, pictures[:19]) and np.array_equal(data.test, pictures[19:])
    assert np.array_equal(np.concatenate(data.labels["style"]), labels["style"])
    assert data.card["source"] == "universe:20" and data.card["licence"] == "CC BY 4.0, CC0 1.0"
    assert "Lorelei by Lisa Wischofsky (CC0 1.0" in str(data.card["attribution"])
    assert data.card["drawing"]["dicebear-core"]  # pyright: ignore[reportIndexIssue]


def test_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "models.data.universe.drawing", raising=False)
    monkeypatch.setitem(sys.modules, "dicebear", None)
    with pytest.raises(BadInput, match="pip install -r requirements-universe.txt"):
        load_data("universe:2")


def test_the_command_line_writes_the_set(tmp_path: Path) -> None:
    out = tmp_path / "universe.npz"
    command = [sys.executable, "-m", "models.universe", "--count", "3", "--seed", "9"]
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True, capture_output=True)
    assert np.array_equal(read_set(out, ("style",))[0], draw_set(UNIVERSE, 3, seed=9)[0])


def test_the_docs_name_every_style_its_author_and_its_licence() -> None:
    page = (ROOT / "docs" / "universe.md").read_text(encoding="utf-8")
    for credit in credits():
        row = f"| {credit.style} | [{credit.title}]({credit.source}) | {credit.creator} | "
        assert f"{row}{credit.licence} |" in page
    assert f"{len(ATTRIBUTES)} labels" in page
