"""`hf:OWNER/NAME` and Parquet with a stand-in for `datasets`: no test needs it or a network."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.data.load import Data, load_data
from models.errors import BadInput

RNG = np.random.default_rng(20)
GREY = RNG.integers(0, 256, (20, 9, 9), dtype=np.uint8)


class _Table:
    """As much of a `datasets.Dataset` as is used."""

    def __init__(self, rows: list[dict[str, object]], features: dict[str, object]) -> None:
        self.rows, self.features, self.info = rows, features, types.SimpleNamespace(license="cc0")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, object]]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[object]:
        return [row[column] for row in self.rows]

    def cast_column(self, column: str, feature: object) -> _Table:
        assert column in self.features
        assert vars(feature) == {"decode": False}
        return self


def _feature(name: str, **values: object) -> object:
    def init(self: object, **given: object) -> None:
        vars(self).update(given)

    return type(name, (), {"__init__": init})(**values)


def _hub(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[dict[str, object]]:
    """A `datasets` whose `load_dataset` returns or raises `answer`; the options that it gets."""
    asked: list[dict[str, object]] = []

    def load_dataset(*_: str, **options: object) -> object:
        asked.append(options)
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = types.ModuleType("datasets")
    vars(module)["load_dataset"] = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return asked


def _table(tmp_path: Path, pictures: np.ndarray) -> _Table:
    rows: list[dict[str, object]] = []
    for number, picture in enumerate(pictures):
        path = tmp_path / f"{len(pictures)}-{number}.png"
        Image.fromarray(picture).save(path)
        stored = {"bytes": path.read_bytes(), "path": None}
        rows.append(
            {"image": stored if number else {"bytes": None, "path": str(path)}, "y": number % 2}
        )
    features = {"y": _feature("ClassLabel", names=["even", "odd"]), "image": _feature("Image")}
    return _Table(rows, features)


def test_hub_pictures_labels_and_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = RNG.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    pixels = hashlib.sha256(pictures[:4].tobytes()).hexdigest()
    monkeypatch.setattr("models.data.load._KNOWN", {pixels: {"title": "known"}})
    train, test = _table(tmp_path, pictures[:4]), _table(tmp_path, pictures[4:])
    _hub(monkeypatch, {"train": train, "test": test})
    data = load_data("hf:someone/digits")
    assert np.array_equal(data.train[..., 0], pictures[:4])
    assert np.array_equal(data.test[..., 0], pictures[4:])
    assert data.labels["y"][0].tolist() == [0, 1, 0, 1]
    assert data.card["classes"] == {"y": ["even", "odd"]}
    assert (data.card["source"], data.card["licence"]) == ("hf:someone/digits", "cc0")
    assert data.card["title"] == "known"  # recognised though a Hub set passes as RGB


def test_a_hub_set_without_a_test_split_is_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hub(monkeypatch, {"train": _table(tmp_path, GREY)})
    data = load_data("hf:someone/digits", image_size=9, seed=3)
    assert (len(data.train), len(data.test)) == (18, 2)
    assert data.card["split_seed"] == 3


def test_a_validation_split_is_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"test": GREY[:4], "validation": GREY[4:9], "train": GREY[9:]}
    _hub(monkeypatch, {name: _table(tmp_path, pictures) for name, pictures in parts.items()})
    data = load_data("hf:someone/digits", image_size=9)
    assert np.array_equal(data.train[..., 0], GREY[9:])
    assert np.array_equal(data.test[..., 0], GREY[:4])
    assert "Left out: 5 for validation" in str(data.card["remark"])


def test_a_large_hub_set_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("models.reading.store.IN_MEMORY_BYTES", 500)
    table = _table(tmp_path, GREY)
    vars(table)["_fingerprint"] = "a1"
    _hub(monkeypatch, {"train": table})
    first = load_data("hf:someone/digits", image_size=9)
    monkeypatch.setattr("models.reading.packs.packs.open_frames", None)
    assert np.array_equal(load_data("hf:someone/digits", image_size=9).train, first.train)
    vars(table)["_fingerprint"] = "a2"
    with pytest.raises(TypeError):
        load_data("hf:someone/digits", image_size=9)


def test_bad_pictures_of_a_table_are_named_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = _table(tmp_path, GREY)
    table.rows[3]["image"], table.rows[5]["image"] = None, {"bytes": b"no", "path": None}
    _hub(monkeypatch, {"train": table})
    with pytest.raises(BadInput, match="2 of 20 picture files.*picture 3 .*missing; picture 5"):
        load_data("hf:someone/digits")


@pytest.mark.parametrize("plain", [False, True])
def test_columns_that_do_not_say_that_they_are_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    table = _table(tmp_path, GREY)
    binary = _feature("Value", dtype="binary")
    table.features = {
        "label": _feature("Value", dtype="int64"),
        "png": binary if plain else {"bytes": binary, "path": _feature("Value", dtype="string")},
        "size": _feature("Value", dtype="int64"),
    }
    table.rows[0]["image"] = {"bytes": (tmp_path / "20-0.png").read_bytes(), "path": None}
    table.rows = [
        {"png": row["image"]["bytes"] if plain else row["image"], "label": row["y"]}  # pyright: ignore
        for row in table.rows
    ]
    _hub(monkeypatch, {"train": table})
    data = load_data("hf:someone/digits", image_size=9)
    assert np.array_equal(data.train[..., 0], GREY[[i for i in range(20) if i in _rows(data)]])
    assert set(data.labels) == {"label"}


def _rows(data: Data) -> set[int]:
    """Which of `GREY` are for training."""
    return {next(i for i in range(20) if (GREY[i] == p[..., 0]).all()) for p in data.train}


@pytest.mark.parametrize("whole", [False, True])
def test_parquet_files_say_by_their_names_what_they_are_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    names = [
        "test-00000-of-00001.parquet",
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"PAR1")
    asked = _hub(
        monkeypatch, {"train": _table(tmp_path, GREY[4:]), "test": _table(tmp_path, GREY[:4])}
    )
    data = load_data(str(tmp_path if whole else tmp_path / names[1]), image_size=9)
    files = {"test": [str(tmp_path / names[0])], "train": [str(tmp_path / n) for n in names[1:]]}
    assert asked == [{"data_files": files if whole else {"train": files["train"][:1]}}]
    assert np.array_equal(data.test[..., 0], GREY[:4])
    assert data.card["kind"] == "parquet"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ConnectionError("Couldn't reach it"), "cannot be reached - check the network.*avatars"),
        (FileNotFoundError("LocalEntryNotFoundError: …"), "cannot be reached"),
        (FileNotFoundError("Dataset doesn't exist"), "not on the Hub.*check the name"),
        (RuntimeError("Dataset scripts are no longer supported"), "scripts are no longer.* - "),
        ({"all": None}, "no split named train"),
        ({"train": _Table([], {"text": _feature("Value")})}, "no column of pictures"),
    ],
)
def test_hub_troubles(monkeypatch: pytest.MonkeyPatch, answer: object, message: str) -> None:
    _hub(monkeypatch, answer)
    with pytest.raises(BadInput, match=message):
        load_data("hf:someone/thing")


def test_the_hub_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(BadInput, match=r"`pip install datasets`, or give local files"):
        load_data("hf:ylecun/mnist")


@pytest.mark.parametrize("name", ["", "mnist", "a/b/c", "../x", "a/..", "a b/c"])
def test_hub_names_that_are_none(name: str) -> None:
    with pytest.raises(BadInput, match="write hf:OWNER/NAME"):
        load_data(f"hf:{name}")
