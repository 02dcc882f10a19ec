"""Tables of labels beside pictures: which are read, how a row finds its picture, what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.data.load import load_data
from models.reading.packs.tables import classes_of
from tests.models.reading.packs.test_picture_sets import numbers, packed, write

NAMES = tuple(f"{number:06}.png" for number in range(6))


def labels(folder: Path, name: str) -> dict[int, int]:
    """The label of each picture."""
    data = load_data(str(folder))
    train, test = data.labels[name]
    pairs = zip(numbers(data.train) + numbers(data.test), [*train, *test], strict=True)
    return {number: int(label) for number, label in pairs}


KINDS = {number: 5 - number for number in range(6)}


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "file,kind\n" + "".join(f"{n},{5 - i}\n" for i, n in enumerate(NAMES))),
        ("labels.tsv", "kind\tid\n" + "".join(f"{5 - i}\t{i:06}\n" for i in range(6))),
        ("some.csv", "x;kind\n" + "".join(f"a\\b\\{n};{5 - i}\n" for i, n in enumerate(NAMES))),
    ],
)
def test_a_table_names_the_pictures(tmp_path: Path, form: str, name: str, text: str) -> None:
    folder = write(tmp_path / "set", *NAMES)
    (folder / name).write_text(text)
    assert labels(packed(folder, form), "kind") == KINDS


def test_a_table_without_a_heading(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *NAMES)
    (folder / "labels.csv").write_text("".join(f"{n},{5 - i}\n" for i, n in enumerate(NAMES)))
    assert labels(folder, "label") == KINDS


def test_a_table_with_a_column_of_the_split(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *NAMES)
    rows = [f"{n},{'ab'[i % 2]},{'test' if i < 2 else 'train'}\n" for i, n in enumerate(NAMES)]
    (folder / "labels.csv").write_text("file,kind,split\n" + "".join(rows))
    data = load_data(str(folder))
    assert (numbers(data.train), numbers(data.test)) == ([2, 3, 4, 5], [0, 1])
    assert data.card["classes"] == {"kind": ["a", "b"]}
    assert "The split is that of labels.csv." in str(data.card["remark"])


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_celeba_as_it_is_found(tmp_path: Path, form: str) -> None:
    folder = write(tmp_path / "celeba" / "img_align_celeba", *NAMES)
    if form == "zip":
        folder = packed(folder, "zip")
    rows = "".join(f"{n}  {1 if i % 2 else -1} -1\n" for i, n in enumerate(NAMES))
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text(f"6\nBald Young \n{rows}")
    (tmp_path / "celeba" / "identity_CelebA.txt").write_text(
        "".join(f"{n} {2880 + i}\n" for i, n in enumerate(NAMES))
    )
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text(
        "".join(f"{n} {part}\n" for n, part in zip(NAMES, (0, 0, 0, 1, 2, 2), strict=True))
    )
    for spec in (folder, tmp_path / "celeba") if form == "folder" else (folder,):
        data = load_data(str(spec))
        assert (numbers(data.train), numbers(data.test)) == ([0, 1, 2], [4, 5])
        assert data.labels["Bald"][0].tolist() == [0, 1, 0]
        assert data.labels["identity"][1].tolist() == [2884, 2885]
        assert data.card["classes"]["Bald"] == ["-1", "1"]  # pyright: ignore
        assert "The split is that of list_eval_partition.txt." in str(data.card["remark"])
        assert "Left out: 1 for validation" in str(data.card["remark"])


def test_a_table_that_names_some_only_is_said_not_to_be_taken(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *NAMES)
    (folder / "labels.csv").write_text(f"file,kind\n{NAMES[0]},1\n")
    data = load_data(str(folder))
    assert data.labels == {}
    assert "Not taken as labels: kind (does not have every picture)" in str(data.card["remark"])


def test_a_table_of_other_things_is_left_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *NAMES)
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    assert "1 other file (1 .csv)" in str(load_data(str(folder)).card["remark"])


@pytest.mark.parametrize(
    ("values", "labels", "names"),
    [
        (["3", "0", "1"], [3, 0, 1], ("0", "1", "2", "3")),
        (["1.0", "0.0"], [1, 0], ("0", "1")),
        (["-1", "1", "-1"], [0, 1, 0], ("-1", "1")),
        (["b", " a", "b"], [1, 0, 1], ("a", "b")),
        (["2000", "5"], [2000, 5], ()),
    ],
)
def test_columns_that_are_classes(
    values: list[str], labels: list[int], names: tuple[str, ...]
) -> None:
    found = classes_of(values)
    assert not isinstance(found, str)
    assert (found[0].tolist(), found[1]) == (labels, names)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["0.5", "1"], "not whole"),
        (["a", ""], "every picture"),
        (["a", None], "every picture"),
        ([f"name {i}" for i in range(30)], "30 different texts"),
    ],
)
def test_columns_that_are_none(values: list[str | None], why: str) -> None:
    assert why in classes_of(values)
