"""The avatars set: seeded, ordered, labelled, and whole in its square."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.data.avatars import drawing as avatars
from models.data.avatars.drawing import (
    cached_avatars,
    contact_sheet,
    draw_avatars,
    read_avatars,
    save_avatars,
)
from models.data.avatars.parts import ATTRIBUTES, LONG_HAIR, NO_COLOUR, SHORT_HAIR, TABLES
from models.errors import BadInput
from tests.running import ROOT


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return draw_avatars(120, seed=3)


def test_shapes_types_and_class_ranges(drawn: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    pictures, labels = drawn
    assert pictures.shape == (120, 64, 64, 3)
    assert pictures.dtype == np.uint8
    assert set(labels) == set(ATTRIBUTES)
    for name, label in labels.items():
        assert label.dtype == np.int64
        assert label.shape == (120,)
        assert 0 <= label.min() <= label.max() < len(ATTRIBUTES[name])


def test_a_smaller_set_is_the_start_of_a_larger_one(
    drawn: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    pictures, labels = draw_avatars(7, seed=3)
    assert np.array_equal(pictures, drawn[0][:7])
    for name, label in labels.items():
        assert np.array_equal(label, drawn[1][name][:7])


def test_processes_do_not_change_the_pictures(
    drawn: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    pictures, labels = draw_avatars(120, seed=3, processes=2)
    assert np.array_equal(pictures, drawn[0])
    for name, label in labels.items():
        assert np.array_equal(label, drawn[1][name])


def test_another_seed_draws_other_faces(drawn: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    pictures, _ = draw_avatars(7, seed=4)
    assert not any(np.array_equal(a, b) for a, b in zip(pictures, drawn[0][:7], strict=True))


def test_global_randomness_is_neither_used_nor_moved(
    drawn: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    random.seed(99)
    np.random.seed(99)
    expected = random.getstate(), np.random.RandomState(99).randint(1 << 30)
    pictures, _ = draw_avatars(3, seed=3)
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


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (3, -1)])
def test_a_count_or_seed_out_of_range_is_bad_input(count: int, seed: int) -> None:
    with pytest.raises(BadInput, match="give a count"):
        draw_avatars(count, seed)


def test_the_cache_is_used_and_a_broken_one_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, labels = cached_avatars(4, seed=5)
    (file,) = (tmp_path / "strata").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(avatars, "draw_avatars", lambda *_, **__: pytest.fail("drawn again"))
        again, labels_again = cached_avatars(4, seed=5)
    assert np.array_equal(first, again)
    assert np.array_equal(labels["skin"], labels_again["skin"])
    file.write_bytes(file.read_bytes()[:500])
    mended, _ = cached_avatars(4, seed=5)
    assert np.array_equal(first, mended)
    assert np.array_equal(read_avatars(file)[0], first)
    assert [path.name for path in (tmp_path / "strata").iterdir()] == [file.name]


def test_no_cache_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "strata").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pictures, _ = cached_avatars(1, seed=5)
    assert pictures.shape == (1, 64, 64, 3)
    assert "not cached" in capsys.readouterr().err


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, labels = draw_avatars(2)
    path = tmp_path / "set.npz"
    save_avatars(path, pictures, labels)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        save_avatars(path, pictures[:1], labels)
    assert np.array_equal(read_avatars(path)[0], pictures)
    assert list(tmp_path.iterdir()) == [path]


def test_contact_sheet_lays_pictures_out_in_rows() -> None:
    pictures = (
        np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2).repeat(3, 3)
    )
    sheet = np.asarray(contact_sheet(pictures, columns=2, scale=2))
    assert sheet.shape == (8, 8, 3)
    assert [int(sheet[y, x, 0]) for y, x in [(0, 0), (0, 4), (4, 0), (4, 4)]] == [0, 1, 2, 255]


def test_the_command_line_writes_the_set_and_its_sheet(tmp_path: Path) -> None:
    out, sheet = tmp_path / "faces.npz", tmp_path / "sheet.png"
    command = [sys.executable, "-m", "models.avatars", "--count", "3", "--seed", "3"]
    subprocess.run(
        [*command, "--out", str(out), "--sheet", str(sheet)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    pictures, labels = read_avatars(out)
    assert np.array_equal(pictures, draw_avatars(3, seed=3)[0])
    assert labels["hair"].shape == (3,)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    wrong = subprocess.run(
        [*command, "--count", "0", "--out", str(out)], cwd=ROOT, capture_output=True
    )
    assert wrong.returncode == 2
    assert b"give a count" in wrong.stderr
    assert b"Traceback" not in wrong.stderr
