"""The photos set: the list, what is said of files that are not there, crops, cache and card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.data import crops as photo_crops_module
from models.data import photographs as photos
from models.data.crops import LARGEST_SHORT, PER_VIEW, SIDE, open_photo, photo_crops, short_sides
from models.data.load import load_data
from models.errors import BadInput
from models.reading.pictures import fit_square
from tests.models.photo_samples import jpeg, photograph, unpacked

FREE = {
    "CC0-1.0", "CC-BY-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-2.0",
    "CC-BY-SA-3.0", "CC-BY-SA-4.0", "GPL-2+", "GPL-3", "GPL-3+", "LGPL-3", "public domain",
}  # fmt: skip


def test_the_list_is_complete_free_and_split_by_hash() -> None:
    wallpapers = photos.photo_list(photos.TRAIN, photos.HELD_OUT)
    held_out = photos.photo_list(photos.HELD_OUT)
    everything = photos.photo_list(photos.TRAIN, photos.HELD_OUT, photos.OTHER)
    assert len(json.loads(photos.LIST.read_text())) == len(everything)
    assert len({photo.sha256 for photo in everything}) == len(everything)
    assert {photo.licence for photo in everything} <= FREE
    assert all(photo.author and photo.title and photo.version for photo in everything)
    assert not any(photo.path.startswith("/") for photo in everything)
    in_order = sorted(photo.sha256 for photo in wallpapers)
    assert {photo.sha256 for photo in held_out} == set(in_order[: round(len(wallpapers) / 5)])
    others = {photo.package for photo in photos.photo_list(photos.OTHER)}
    assert not others & {photo.package for photo in wallpapers}


def test_the_first_crop_is_the_upload() -> None:
    """What `fit_square` shows of a photograph, up to the rounding of two ways to resize."""
    photo = photograph(0)
    first = photo_crops(photo, 40, (0, 1))[0].astype(int)
    upload = fit_square(photo, (3, SIDE, SIDE)).astype(int)
    assert np.abs(first - upload).mean() < 3
    assert np.abs(first[:, ::-1] - upload).mean() > 10


def test_crops_are_a_function_of_their_key() -> None:
    photo = photograph(1)
    crops = photo_crops(photo, 30, (0, 7))
    assert crops.shape == (30, SIDE, SIDE, 3) and crops.dtype == np.uint8
    assert (crops == photo_crops(photo, 30, (0, 7))).all()
    other = photo_crops(photo, 30, (1, 7))
    assert (crops[0] == other[0]).all()
    assert not any((a == b).all() for a, b in zip(crops[1:], other[1:], strict=True))
    # Only the smallest view has so few places that two of its eight crops may agree.
    assert len({crop.tobytes() for crop in crops}) >= 30 - 4


def test_a_crop_is_a_part_of_a_view_mirrored_half_of_the_time() -> None:
    """In a picture that only gets brighter to the right, a mirrored crop gets darker."""
    ramp = np.repeat(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], 300, axis=0)
    crops = photo_crops(Image.fromarray(np.repeat(ramp, 3, axis=2)), 200, (3, 3)).astype(int)
    slopes = crops[:, :, -1].mean((1, 2)) - crops[:, :, 0].mean((1, 2))
    assert 0.35 < (slopes < 0).mean() < 0.65
    # The whole height shows 3/4 of the ramp's 255; a 64 of 300 pixels shows 40 of them.
    assert abs(slopes).max() == pytest.approx(255 * 3 / 4, abs=8)
    assert abs(slopes).min() == pytest.approx(255 * 64 / 400, abs=6)


def test_views_spread_over_the_scales() -> None:
    sides = short_sides(101, LARGEST_SHORT, np.random.default_rng(0))
    assert sides[0] == SIDE and len(sides) == 101
    assert sides == sorted(sides) and sides[-1] <= LARGEST_SHORT
    octaves = np.histogram(np.log2(sides[1:]), bins=[6, 7, 8, 9, 10.01])[0]
    assert (abs(octaves - 25) <= 1).all()
    assert short_sides(1, LARGEST_SHORT, np.random.default_rng(0)) == [SIDE]


def test_a_large_jpeg_is_read_at_a_reduced_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_crops_module, "LARGEST_SHORT", 100)
    large = photograph(2, width=1200, height=1000)
    read = open_photo(jpeg(large), "large.jpg")
    assert 200 <= min(read.size) < 1000
    small = read.resize((60, 50)), large.resize((60, 50))
    assert np.abs(np.subtract(*(np.asarray(p, int) for p in small))).mean() < 2


def test_the_set_and_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = unpacked(tmp_path, monkeypatch)
    data = load_data(f"photos:{root}")
    assert data.train.shape == (50, SIDE, SIDE, 3) and data.test.shape == (12, SIDE, SIDE, 3)
    held_out = photos.photo_list(photos.HELD_OUT)[0]
    key = (0, int(held_out.sha256[:8], 16))
    path = root / held_out.path
    assert (data.test == photo_crops(open_photo(path.read_bytes(), "x"), 12, key)).all()
    # The photographs take turns: the first rows are each one's whole middle.
    for row, photo in enumerate(photos.photo_list(photos.TRAIN)):
        whole = fit_square(open_photo((root / photo.path).read_bytes(), "x"), (3, SIDE, SIDE))
        assert np.abs(data.train[row].astype(int) - whole).mean() < 3
    assert data.card["source"] == "photos" and data.card["kind"] == "photos"
    assert data.card["licence"] == "CC0-1.0"
    assert data.card["attribution"] == "author 0; author 1; author 2; author 3"
    assert data.card["photographs"] == {"train": 3, "held-out": 1}
    assert data.card["counts"] == {"train": 50, "test": 12}


def test_a_second_time_it_comes_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = unpacked(tmp_path, monkeypatch)
    first = load_data(f"photos:{root}")
    (root / photos.photo_list(photos.TRAIN)[0].path).unlink()
    again = load_data(f"photos:{root}")
    assert (first.train == again.train).all() and (first.test == again.test).all()
    for kept in (tmp_path / "cache").rglob("photos-train*.npy"):
        kept.write_bytes(b"\x93NUMPY cut short")
    with pytest.raises(BadInput, match="1 of 3 photographs"):
        load_data(f"photos:{root}")


def test_missing_packages_are_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked(tmp_path, monkeypatch)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInput) as caught:
        load_data(f"photos:{empty}")
    message = str(caught.value)
    assert "3 of 3 photographs are not under" in message and str(empty) in message
    assert "apt install package-0 package-1" in message
    assert "dpkg -x" in message and "photos:FOLDER" in message


@pytest.mark.parametrize("spec", ["photos:", "photos:/no/such/folder"])
def test_a_folder_that_is_not_there(spec: str) -> None:
    with pytest.raises(BadInput, match="no folder"):
        load_data(spec)


def test_another_file_under_the_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = unpacked(tmp_path, monkeypatch)
    changed = root / photos.photo_list(photos.TRAIN)[1].path
    changed.write_bytes(jpeg(photograph(99)))
    with pytest.raises(BadInput, match=f"{changed} is not the file of package-1 1-1"):
        load_data(f"photos:{root}")


def test_the_first_root_that_has_a_file_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = unpacked(tmp_path, monkeypatch)
    photo = photos.photo_list(photos.OTHER)[0]
    assert photos.find_photos([photo], [tmp_path, root]) == [root / photo.path]
    assert photos.find_photos([replace(photo, path="photo_list.json")], [tmp_path, root]) == [
        tmp_path / "photo_list.json"
    ]


def test_views_are_filled() -> None:
    assert len(photo_crops(photograph(4), PER_VIEW + 1, (0, 0))) == PER_VIEW + 1
