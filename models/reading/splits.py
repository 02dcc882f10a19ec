"""What names say about training, validation and testing, and what is done where they say nothing.

Folders named train, test, val and the like are the split, wherever they lie in the paths, if
there is one to train on and one to test or validate on. What is for validation is the test set
where there is no other, and is left out where there is: the splits of the source stay apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from models.seeds import choices

TRAIN, TEST, VAL = "train", "test", "val"
TEST_FRACTION = 0.1

_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), TRAIN),
    **dict.fromkeys(("test", "testing", "tst"), TEST),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "eval"), VAL),
}
_TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

Folders = tuple[str, ...]


def part_of(text: str) -> str:
    """The part that a name speaks of, as x_train or TestImages do; "" for none, or several."""
    tokens = [token.lower() for token in _TOKENS.findall(text)]
    found = {_WORDS[token] for token in tokens if token in _WORDS}
    found |= {_WORDS[token[1:]] for token in tokens if token[0] in "xy" and token[1:] in _WORDS}
    return found.pop() if len(found) == 1 else ""


def _exact(folder: str) -> str:
    return _WORDS.get(folder.lower(), "")


def folder_parts(names: Sequence[str]) -> tuple[np.ndarray | None, list[Folders]]:
    """The part of each file by its folders, and the folders that are left without that word.

    Args:
        names: Paths with slashes.

    Returns:
        Parts, "" for a file outside of them; None if the folders are no split.
    """
    folders = [tuple(name.split("/")[:-1]) for name in names]
    for read, needs_all in ((_exact, False), (part_of, True)):
        places = [next((i for i, f in enumerate(path) if read(f)), -1) for path in folders]
        parts = np.array(
            [read(p[i]) if i >= 0 else "" for p, i in zip(folders, places, strict=True)], dtype="U5"
        )
        if is_split(parts) and not (needs_all and (parts == "").any()):
            kept = [p[:i] + p[i + 1 :] if i >= 0 else p
                    for p, i in zip(folders, places, strict=True)]  # fmt: skip
            return parts, kept
    return None, folders


def is_split(parts: np.ndarray) -> bool:
    """Whether there is one part to train on, and one to test or to validate on."""
    found = set(np.unique(parts).tolist())
    return TRAIN in found and bool(found & {TEST, VAL})


def settled(parts: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Parts that are train, test or "" for what is left out, and what to say of that."""
    counts, notes = Counter(parts.tolist()), []
    if counts[VAL] and not counts[TEST]:
        parts = np.where(parts == VAL, TEST, parts)
        notes.append("There is no test set, so the validation set is it.")
    elif counts[VAL]:
        notes.append(f"Left out: {counts[VAL]:,} for validation, neither trained on nor tested on.")
        parts = np.where(parts == VAL, "", parts)
    if counts[""]:
        notes.append(f"Left out: {counts['']:,} that lie outside of the parts of the split.")
    return parts, notes


def drawn(count: int, seed: int) -> np.ndarray:
    """Parts drawn by a seed: a tenth of the items, at least one, is for testing."""
    parts = np.full(count, TRAIN, dtype="U5")
    held_out = max(1, round(TEST_FRACTION * count))
    parts[choices("held-out pictures", seed).permutation(count)[:held_out]] = TEST
    return parts


def folder_classes(folders: Sequence[Folders]) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Classes by the outermost folders that differ, as torchvision's ImageFolder has them.

    Returns:
        int64 classes and their names, sorted; None where a file lies in no folder, or all lie in
        one.
    """
    depth = 0
    while folders and len({path[: depth + 1] for path in folders}) == 1:
        if len(folders[0]) <= depth:
            return None
        depth += 1
    if not folders or any(len(path) <= depth for path in folders):
        return None
    names = sorted({path[depth] for path in folders})
    index = {name: number for number, name in enumerate(names)}
    return np.array([index[path[depth]] for path in folders], np.int64), tuple(names)
