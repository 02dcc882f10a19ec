"""Pictures from the Hugging Face Hub, `hf:OWNER/NAME`, through the optional package `datasets`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.errors import BadInput
from models.reading.pictures import open_picture
from models.reading.readers import Raw, collect

LOCAL = "give local files instead: IDX files, a folder or zip of pictures, an .npz, or avatars"

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_TEST_SPLITS = ("test", "validation", "valid", "val")


def read_hub(name: str, image_size: int | None, channels: int | None) -> Raw:
    """The first column of pictures of a data set, its class labels beside it.

    Args:
        name: OWNER/NAME on the Hub.
        image_size: The side; see `models.reading.readers.collect`.
        channels: 1 or 3; see there.

    Raises:
        BadInput: The package or the network is missing, there is no such set, or it holds no
            pictures.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"hf:{name} names no data set - write hf:OWNER/NAME, as in hf:ylecun/mnist")
    splits = _load(name)
    train = splits.get("train")
    if train is None:
        raise BadInput(f"hf:{name} has no split named train, only {', '.join(splits)} - {LOCAL}")
    test = next((splits[split] for split in _TEST_SPLITS if split in splits), None)
    column = next((key for key, kind in train.features.items() if _is(kind, "Image")), None)
    if column is None:
        columns = ", ".join(train.features)
        raise BadInput(
            f"hf:{name} has no column of pictures ({columns}) - choose an image data set"
        )
    parts = [train] if test is None else [train, test]
    stream = chain.from_iterable(_pictures(part, column) for part in parts)
    _, pictures = collect(stream, image_size, channels)
    classes = {
        key: kind
        for key, kind in train.features.items()
        if _is(kind, "ClassLabel") and all(key in part.features for part in parts)
    }
    licence = getattr(train.info, "license", None)
    return Raw(
        kind="hf",
        train=pictures[: len(train)],
        test=None if test is None else pictures[len(train) :],
        labels={key: _labels(parts, key) for key in classes},
        classes={key: tuple(kind.names) for key, kind in classes.items()},
        facts={"licence": licence} if licence else {},
    )


def _load(name: str) -> dict[str, Any]:
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise BadInput(
            f"hf:{name} needs the package datasets - run `pip install datasets`, or {LOCAL}"
        ) from error
    try:
        return dict(datasets.load_dataset(name))
    except (ConnectionError, FileNotFoundError) as error:
        # "Not found" derives from the latter, and so does a Hub file that is out of reach.
        if isinstance(error, ConnectionError) or "LocalEntryNotFound" in str(error):
            raise BadInput(
                f"hf:{name}: the Hugging Face Hub cannot be reached - check the network, or {LOCAL}"
            ) from error
        raise BadInput(
            f"hf:{name} is not on the Hub, or it is private - check the name, or {LOCAL}"
        ) from error
    except Exception as error:  # a foreign library and a foreign data set: anything can happen
        reason = str(error).strip().split("\n")[0][:200]
        raise BadInput(
            f"hf:{name} cannot be loaded ({type(error).__name__}: {reason}) - check the network "
            f"and the name, or {LOCAL}"
        ) from error


def _labels(parts: list[Any], column: str) -> np.ndarray:
    return np.concatenate([np.asarray(part[column], np.int64) for part in parts])


def _is(kind: object, name: str) -> bool:
    """Whether a column is of that kind of feature; by name, so that tests need no `datasets`."""
    return type(kind).__name__ == name


def _pictures(part: Any, column: str) -> Iterator[tuple[str, Image.Image]]:
    """The files as they were stored, so that they are decoded as guardedly as any upload."""
    stored = part.cast_column(column, type(part.features[column])(decode=False))
    for index, row in enumerate(stored):
        picture = row[column]
        if picture is None:
            raise BadInput(
                f"picture {index} of column {column} is missing - choose another data set"
            )
        source = Path(picture["path"]) if picture["bytes"] is None else picture["bytes"]
        yield str(index), open_picture(source, f"picture {index} of column {column}")
