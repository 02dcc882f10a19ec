"""Which set lies at a path: in the folder itself, deeper in it, or inside an archive.

A folder with pictures is a set of them. One without is searched for the files of a set as others
lay them out, such as torchvision's `data/MNIST/raw`; if there is one, that is it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from models.errors import BadInput
from models.reading.arrays.array_files import stored_arrays
from models.reading.arrays.cifar_sets import find_cifar, is_cifar_name, read_cifar
from models.reading.arrays.idx import find_idx, is_idx_name, read_idx
from models.reading.arrays.npz import read_npz
from models.reading.files import is_hidden
from models.reading.found import Found
from models.reading.hub import read_parquet
from models.reading.packs.folders import walk
from models.reading.packs.packs import Pack, open_pack
from models.reading.packs.picture_sets import read_pictures
from models.reading.packs.tars import is_tar_name
from models.reading.store import Scratch

SPECS = (
    "give avatars or universe, with :N for N pictures, photos or glyphs, with :FOLDER for unpacked "
    "packages, a folder of IDX files or CIFAR's batches, a folder, .zip or .tar of pictures, an "
    ".npz, .parquet files, or hf:OWNER/NAME"
)
MAX_NAMED = 5


def open_place(path: Path) -> Found:
    """The set at a path.

    Raises:
        BadInput: There is none that is known, it is unclear which, or it is damaged.
    """
    return open_folder(path) if path.is_dir() else open_file(path)


def open_file(path: Path) -> Found:
    """The set that one file is."""
    name = path.name.lower()
    if name.endswith(".npz"):
        return read_npz(path.name, stored_arrays(path))
    if name.endswith(".zip") or is_tar_name(name):
        return _open_archive(path)
    if name.endswith(".parquet"):
        return read_parquet([path])
    if "idx" in name:
        return read_idx([path])
    if find_cifar(path.parent) and is_cifar_name(path.name):
        raise BadInput(f"{path.name} is one batch of CIFAR - give its folder, {path.parent}")
    if name.endswith(".npy"):
        raise BadInput(f"{path.name} is one bare array - save it with numpy.savez(file, images=…)")
    raise BadInput(f"{path.name} is no data set that is known - {SPECS}")


def open_folder(path: Path) -> Found:
    """The set that a folder holds."""
    reader = _own(path)
    if reader is not None:
        return reader()
    pack = open_pack(path)
    return read_pictures(pack) if pack.names else _deeper(path, pack)


def _own(folder: Path) -> Callable[[], Found] | None:
    """How to read the set whose files lie in the folder itself; None if there is none."""
    if idx := find_idx(folder):
        return lambda: read_idx(idx)
    if batches := find_cifar(folder):
        return lambda: read_cifar(batches)
    if parquet := sorted(folder.glob("*.parquet")):
        return lambda: read_parquet(parquet)
    return None


def _deeper(root: Path, pack: Pack) -> Found:
    """The one set in a folder without pictures."""
    found = walk(root)
    folders = sorted(
        {str(PurePosixPath(name).parent) for name in found.files if not is_hidden(name)}
    )
    places = [root / folder for folder in folders if _own(root / folder) is not None]
    if not places:
        places = [root / name for name in pack.others if _is_set_file(name)]
    if not places:
        raise pack.no_picture()
    if len(places) > 1:
        named = ", ".join(os.path.relpath(place, root) for place in places[:MAX_NAMED])
        more = f" and {len(places) - MAX_NAMED} more" if len(places) > MAX_NAMED else ""
        raise BadInput(
            f"{pack.label} holds no picture but {len(places)} data sets: {named}{more} - give one "
            f"of them, as in {places[0]}"
        )
    found_there = open_place(places[0])
    note = f"It lies in {os.path.relpath(places[0], root)}."
    return replace(found_there, notes=(note, *found_there.notes))


def _is_set_file(name: str) -> bool:
    return name.lower().endswith((".npz", ".zip", ".parquet")) or is_tar_name(name)


def _open_archive(path: Path) -> Found:
    """Pictures in an archive, or the files of a set, such as those of `cifar-10-python.tar.gz`."""
    pack = open_pack(path)
    wanted = [name for name in pack.others if _is_part_of_set(PurePosixPath(name).name)]
    if pack.names or not wanted:
        return read_pictures(pack)
    scratch = Scratch()
    folder = scratch.file("unpacked")
    for name in wanted:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        pack.unpack(name, target)
    try:
        found = open_folder(folder)
    except BadInput as error:
        raise BadInput(str(error).replace(str(folder), path.name)) from error
    owner = found.blocks  # the unpacked files live as long as what reads them
    return replace(found, blocks=lambda mask, _=scratch: owner(mask))


def _is_part_of_set(name: str) -> bool:
    labels = name.replace("labels", "images").replace("idx1", "idx3")
    return is_idx_name(labels) or is_cifar_name(name)
