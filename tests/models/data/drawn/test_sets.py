"""Drawn sets: in order, seeded, kept and read again, whatever it is that draws them."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data.drawn import sets
from models.data.drawn.command import contact_sheet, run
from models.data.drawn.sets import DrawnSet, Picture, cached_set, draw_set, read_set, save_set
from models.errors import BadInput
from models.seeds import choices


def draw(seed: int, number: int) -> Picture:
    """Noise in one of three strengths."""
    rng = choices("avatar", seed, number)
    strength = int(rng.integers(3))
    return (rng.integers(0, 80, (4, 5, 3)) * (strength + 1)).astype(np.uint8), [strength, 1]


NOISE = DrawnSet(
    "noise", (4, 5, 3), {"strength": ("low", "mid", "high"), "one": ("a", "b")}, draw, 1, ("numpy",)
)
NAMES = tuple(NOISE.attributes)


def same(a: sets.Pictures, b: sets.Pictures, count: int) -> bool:
    return np.array_equal(a[0], b[0][:count]) and all(
        np.array_equal(a[1][name], b[1][name][:count]) for name in NAMES
    )


def test_shapes_types_and_classes() -> None:
    pictures, labels = draw_set(NOISE, 120, seed=3)
    assert pictures.shape == (120, 4, 5, 3) and pictures.dtype == np.uint8
    assert tuple(labels) == NAMES
    assert all(label.shape == (120,) and label.dtype == np.int64 for label in labels.values())
    # Each label is that of its picture.
    brightest = pictures.reshape(120, -1).max(axis=1)
    assert np.array_equal(np.digitize(brightest, [80, 160]), labels["strength"])
    assert (labels["one"] == 1).all()


def test_a_smaller_set_is_the_start_of_a_larger_one() -> None:
    assert same(draw_set(NOISE, 7, seed=3), draw_set(NOISE, 230, seed=3), 7)


def test_processes_do_not_change_the_pictures() -> None:
    assert same(draw_set(NOISE, 230, seed=3, processes=2), draw_set(NOISE, 230, seed=3), 230)


def test_another_seed_draws_other_pictures() -> None:
    a, b = draw_set(NOISE, 7, seed=3)[0], draw_set(NOISE, 7, seed=4)[0]
    assert not any(np.array_equal(one, other) for one, other in zip(a, b, strict=True))


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (3, -1)])
def test_a_count_or_seed_out_of_range_is_bad_input(count: int, seed: int) -> None:
    with pytest.raises(BadInput, match="noise.*give a count"):
        draw_set(NOISE, count, seed)


def test_the_cache_is_used_and_a_broken_one_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = cached_set(NOISE, 4, seed=5)
    (file,) = (tmp_path / "strata").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(sets, "draw_set", lambda *_, **__: pytest.fail("drawn again"))
        assert same(first, cached_set(NOISE, 4, seed=5), 4)
    file.write_bytes(file.read_bytes()[:500])
    assert same(first, cached_set(NOISE, 4, seed=5), 4)
    assert same(first, read_set(file, NAMES), 4)
    assert [path.name for path in (tmp_path / "strata").iterdir()] == [file.name]


def test_no_cache_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "strata").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pictures, _ = cached_set(NOISE, 1, seed=5)
    assert pictures.shape == (1, 4, 5, 3)
    assert "noise are not cached" in capsys.readouterr().err


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, labels = draw_set(NOISE, 2)
    path = tmp_path / "set.npz"
    save_set(path, pictures, labels)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        save_set(path, pictures[:1], labels)
    assert same(read_set(path, NAMES), (pictures, labels), 2)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("channels", [1, 3])
def test_contact_sheet_lays_pictures_out_in_rows(channels: int) -> None:
    pictures = np.ones((3, 2, 2, channels), np.uint8) * np.arange(3, dtype=np.uint8).reshape(
        3, 1, 1, 1
    )
    sheet = np.asarray(contact_sheet(pictures, columns=2, scale=2)).reshape(8, 8, channels)
    assert [int(sheet[y, x, 0]) for y, x in [(0, 0), (0, 4), (4, 0), (4, 4)]] == [0, 1, 2, 255]


def test_the_command_line_writes_the_set_and_its_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "noise.npz", tmp_path / "sheet.png"
    asked = ["--count", "3", "--seed", "3", "--out", str(out), "--sheet", str(sheet), "--kind", "x"]
    kinds = []

    def load(options: Namespace) -> DrawnSet:
        kinds.append(options.kind)
        return NOISE

    run("noise", 5, load, asked, lambda parser: parser.add_argument("--kind"))
    assert kinds == ["x"]
    assert same(read_set(out, NAMES), draw_set(NOISE, 3, seed=3), 3)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit) as ended:
        run("noise", 5, lambda options: NOISE, ["--count", "0", "--out", str(out)])
    assert ended.value.code == 2
    assert "give a count" in capsys.readouterr().err


def test_a_set_that_ends_is_not_drawn_past_its_end() -> None:
    ends = replace(NOISE, most=5)
    assert same(draw_set(ends, 5, seed=3), draw_set(NOISE, 5, seed=3), 5)
    with pytest.raises(BadInput, match="there are 5 pictures"):
        draw_set(ends, 6, seed=3)
