"""`.npz` files of pictures, by the names of their arrays.

Pictures are `train` and `test`, or `images`; or, as others name them, `x_train` and `x_test`
(Keras), `train_images`, `val_images` and `test_images` (MedMNIST), or the one array of pictures
that there is. Labels are integer arrays called labels, y or targets, beside such a part where
they have one, or `label_NAME`, with one entry a picture, those for training first.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.errors import BadInput
from models.reading.arrays.array_files import StoredArray
from models.reading.arrays.npz_labels import is_label, read_labels, words
from models.reading.found import Found, marked, parts_of, with_channels
from models.reading.splits import TEST, TRAIN, VAL, part_of, settled

ORDER = (TRAIN, VAL, TEST)
_PICTURES = frozenset(("images", "image", "imgs", "img", "x", "pictures", "pixels", "data", "arr"))


def read_npz(file: str, arrays: dict[str, StoredArray]) -> Found:
    """The set of an `.npz`.

    Args:
        file: What it is called.
        arrays: As `stored_arrays` finds them.

    Raises:
        BadInput: No arrays are pictures, it is unclear which, or they do not fit together.
    """
    pictures = _pictures(file, arrays)
    counts = [(part, array.shape[0]) for part, array in pictures.items()]
    parts, notes = None, []
    if len(pictures) > 1:
        parts, notes = settled(parts_of([(part or TRAIN, count) for part, count in counts]))
        notes = ["The split is that of the arrays.", *notes]
    labels, said = read_labels(file, arrays, pictures)
    names = ", ".join(array.name for array in pictures.values())
    used = {array.name for array in pictures.values()}
    other = [name for name in arrays if name not in used and not is_label(name)]
    if other:
        said.append(f"Not read: the arrays {', '.join(other[:5])}.")
    black_and_white = _all_below_two(pictures)
    if black_and_white:
        said.append("The bytes are 0 and 1 alone, read as black and white.")
    count = sum(count for _, count in counts)
    return Found(
        "npz", f"{count:,} pictures in arrays ({names})", count,
        lambda mask: marked(_rows(file, pictures, black_and_white), mask), parts, own_size=True,
        arrays=None if black_and_white else _in_place(pictures),
        labels=labels, notes=(*notes, *said),
    )  # fmt: skip


def _rows(
    file: str, pictures: dict[str, StoredArray], black_and_white: bool
) -> Iterator[np.ndarray]:
    for array in pictures.values():
        name = f"{file}, array {array.name}"
        for rows in array.blocks():
            yield _plain(with_channels(rows, name), black_and_white, name)


def _pictures(file: str, arrays: dict[str, StoredArray]) -> dict[str, StoredArray]:
    """The arrays of pictures by their part, "" for one that is of none, in `ORDER`."""
    named = {name: array for name, array in arrays.items() if _is_picture(name)}
    named = {name: a for name, a in named.items() if len(a.shape) > 2} or named
    found = named or {n: a for n, a in arrays.items() if len(a.shape) > 2 and not is_label(n)}
    by_part: dict[str, list[str]] = {}
    for name in found:
        by_part.setdefault(part_of(name), []).append(name)
    clear = all(len(names) == 1 for names in by_part.values())
    fits = set(by_part) in ({""}, {TRAIN}, {TRAIN, TEST}, {TRAIN, VAL}, set(ORDER))
    if not (clear and fits):
        raise BadInput(
            f"{file} has the arrays: {', '.join(arrays) or 'none'} - name them train and test, "
            "or images"
        )
    pictures = {part: arrays[by_part[part][0]] for part in ("", *ORDER) if part in by_part}
    shapes = [_check(file, array) for array in pictures.values()]
    for array, shape in zip(pictures.values(), shapes, strict=True):
        if shape != shapes[0]:
            first = next(iter(pictures.values()))
            raise BadInput(
                f"{file}: {first.name} has pictures of {_size(shapes[0])} and {array.name} of "
                f"{_size(shape)} - both need one size"
            )
    return pictures


def _check(file: str, array: StoredArray) -> tuple[int, ...]:
    """The shape `(H, W, C)` of its pictures, or BadInput."""
    name = f"{file}, array {array.name}"
    if array.dtype.kind not in "buif":
        raise BadInput(f"{name} is of type {array.dtype} - store uint8, or floats from 0 to 1")
    whole = np.broadcast_to(np.zeros((), np.uint8), array.shape)  # so that a message shows it
    return with_channels(whole, name).shape[1:]


def _is_picture(name: str) -> bool:
    if is_label(name):
        return False
    return all(map(part_of, words(name))) or not _PICTURES.isdisjoint(words(name))


def _all_below_two(pictures: dict[str, StoredArray]) -> bool:
    """Whether bytes are 0 and 1 alone, as those of drawn sets are; one pass over such a set."""
    return all(array.dtype == np.uint8 for array in pictures.values()) and all(
        rows.max(initial=0) <= 1 for array in pictures.values() for rows in array.blocks()
    )


def _plain(rows: np.ndarray, black_and_white: bool, name: str) -> np.ndarray:
    """Rows of a type that the pictures of a set may have; true is white."""
    if rows.dtype == np.bool_ or black_and_white:
        return rows.astype(np.uint8) * 255
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise BadInput(f"{name} holds NaN or infinity - remove those pictures or mend them")
    return rows if rows.dtype.isnative else rows.astype(rows.dtype.newbyteorder("="))


def _in_place(pictures: dict[str, StoredArray]) -> tuple[np.ndarray, np.ndarray] | None:
    """The two parts as they lie mapped in the file, where no row need be touched."""
    if TRAIN not in pictures or len(pictures) < 2:
        return None
    chosen = pictures[TRAIN], pictures.get(TEST, pictures.get(VAL))
    mapped = [array.mapped for array in chosen if array is not None and array.dtype == np.uint8]
    if len(mapped) < 2 or mapped[0] is None:
        return None
    test = mapped[1]
    if test is None:  # a small one beside a large one
        assert chosen[1] is not None
        test = chosen[1].load()
    return with_channels(mapped[0], "train"), with_channels(test, "test")


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}×{shape[1]} with {shape[2]} channel(s)"
