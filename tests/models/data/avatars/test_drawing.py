"""The avatars set: seeded, ordered, labelled, and whole in its square."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.data.avatars import drawing as avatars
from models.data.avatars.drawing import AVATARS
from models.data.avatars.parts import ATTRIBUTES, LONG_HAIR, NO_COLOUR, SHORT_HAIR, TABLES
from models.data.drawn.sets import draw_set, read_set
from tests.running import ROOT


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return draw_set(AVATARS, 120, seed=3)


def test_shapes_types_and_class_ranges(drawn: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    pictures, labels = drawn
    assert pictures.shape == (120, 64, 64, 3)
    assert pictures.dtype == np.uint8
    assert set(labels) == set(ATTRIBUTES)
    for name, label in labels.items():
        assert label.dtype == np.int64
        assert label.shape == (120,)
        assert 0 <= label.min() <= label.max() < len(ATTRIBUTES[name])


def test_global_randomness_is_neither_used_nor_moved(
    drawn: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    random.seed(99)
    np.random.seed(99)
    expected = random.getstate(), np.random.RandomState(99).randint(1 << 30)
    pictures, _ = draw_set(AVATARS, 3, seed=3)
    assert np.array_equal(pictures, drawn[0][:3])
    assert random.getstate() == expected[0]
    assert np.random.randint(1 << 30) == expected[1]


def test_the_set_is_not_constant_and_no_face_comes_twice(
    drawn: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    pictures, _ = drawn
    assert len({picture.tobytes() for picture in pictures}) == 120
    assert pictures.std(axis=0).min() > 5  # each pixel says something


def test_every_class_of_every_attribute_is_drawn_differently() -> None:
    usual = {name: next(iter(table)) for name, table in TABLES.items()} | {"hair": "flat"}
    for name, table in TABLES.items():
        base = usual | ({"beard": "full"} if name == "hair_colour" else {})
        faces = [
            avatars._draw(avatars._Face(base | {name: choice}, (0.8, 0.9, 1.0), (0.8, 0.9, 1.0)))
            for choice in table
        ]
        assert len({face.tobytes() for face in faces}) == len(table), name


def test_the_face_is_inside_the_square() -> None:
    usual = {name: next(iter(table)) for name, table in TABLES.items()}
    for hair in SHORT_HAIR | LONG_HAIR:
        face = avatars._Face(usual | {"hair": hair}, (0.0, 1.0, 0.0), (0.0, 1.0, 0.0))
        picture = avatars._draw(face).astype(int)
        backdrop = (picture == (0, 255, 0)).all(axis=2)
        assert backdrop[:, 0].mean() > 0.5, hair  # the sides are free,
        assert backdrop[:, -1].mean() > 0.5, hair
        assert backdrop[0].mean() > 0.7, hair  # and the top but for a tuft;
        assert not backdrop[-1, 20:44].any(), hair  # the shoulders reach the bottom
        assert 0.3 < 1 - backdrop.mean() < 0.8, hair


def test_shares_of_glasses_beards_and_skins() -> None:
    faces = [avatars._face(np.random.default_rng([0, i])).chosen for i in range(4000)]
    glasses = np.mean([face["glasses"] != "none" for face in faces])
    beards = np.mean([face["beard"] != "none" for face in faces])
    assert abs(glasses - 0.40) < 0.03  # four standard errors
    assert abs(beards - 0.29) < 0.03
    for name, table in TABLES.items():
        assert {face[name] for face in faces} == set(ATTRIBUTES[name]), name
        assert len(table) == len({part for part, _ in table.values()}), name


def test_a_hidden_hair_colour_has_a_class_of_its_own() -> None:
    faces = [avatars._face(np.random.default_rng([1, i])).chosen for i in range(1500)]
    hidden = [face for face in faces if face["hair_colour"] == NO_COLOUR]
    assert hidden
    for face in faces:
        bare = face["hair"] == "bald" and face["beard"] == "none"
        assert bare == (face["hair_colour"] == NO_COLOUR)


def test_the_command_line_writes_the_set(tmp_path: Path) -> None:
    out = tmp_path / "faces.npz"
    command = [sys.executable, "-m", "models.avatars", "--count", "3", "--seed", "3"]
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True, capture_output=True)
    pictures, labels = read_set(out, tuple(ATTRIBUTES))
    assert np.array_equal(pictures, draw_set(AVATARS, 3, seed=3)[0])
    assert labels["hair"].shape == (3,)
