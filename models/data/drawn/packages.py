"""Files of Debian's packages that a set is made from: where they are, and if it is them.

They are looked for where Debian installs them, or under a folder that packages were unpacked in
(`dpkg -x`). None is stored in this project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from models.errors import BadInput


class Packaged(Protocol):
    """One file of a package: its version, its path without a leading slash, its SHA-256."""

    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...


File = TypeVar("File", bound=Packaged)


def roots_of(spec: str) -> list[Path]:
    """Where a spec, `NAME` or `NAME:FOLDER`, says that packages are.

    Raises:
        BadInput: The folder does not exist.
    """
    name, _, folder = spec.partition(":")
    if spec == name:
        return [Path("/")]
    root = Path(folder).expanduser()
    if not folder or "\0" in folder or not root.is_dir():
        raise BadInput(
            f"there is no folder {folder!r} - write {name}:FOLDER, FOLDER being where the "
            "packages were unpacked"
        )
    return [root]


def find_files(files: Iterable[File], roots: Iterable[Path], name: str, noun: str) -> list[Path]:
    """The place of each file, under the first of `roots` that has it.

    Args:
        name: The word that the set's spec begins with.
        noun: What the files are, in the plural.

    Raises:
        BadInput: Some are missing; the message says how to get them.
    """
    files, roots = list(files), list(roots)
    found = [
        next((root / file.path for root in roots if (root / file.path).is_file()), None)
        for file in files
    ]
    missing = [file for file, path in zip(files, found, strict=True) if path is None]
    if missing:
        raise BadInput(_how_to_get(missing, len(files), roots, name, noun))
    return [path for path in found if path is not None]


def read_file(
    file: Packaged, path: Path, noun: str, extract: Callable[[bytes], bytes] = bytes
) -> bytes:
    """What the list means by a file, read from `path`, its hash checked.

    Args:
        noun: What it is.
        extract: From the bytes of the file those that are meant; a KeyError or ValueError of it
            says that they are not there.

    Raises:
        BadInput: It is another file than the list says, or cannot be read.
    """
    try:
        data = extract(path.read_bytes())
    except (OSError, KeyError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error}) - install {file.package} again") from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise BadInput(
            f"{path} is not the file of {file.package} {file.version}: the {noun}'s SHA-256 "
            f"should be {file.sha256} - unpack that version into a folder of its own"
        )
    return data


def digest(files: Iterable[Packaged]) -> str:
    """One SHA-256 for which files these are, in order."""
    return hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest()


def _how_to_get(
    missing: Sequence[Packaged], wanted: int, roots: list[Path], name: str, noun: str
) -> str:
    """The one error for files that are not there: what they are and how to get them."""
    packages = " ".join(sorted({file.package for file in missing}))
    where = " or ".join(str(root) for root in roots)
    return (
        f"{len(missing)} of {wanted} {noun} are not under {where}, the first being "
        f"{missing[0].path} - on Debian run `apt install {packages}`; or, without installing, "
        f"`apt download {packages}; for d in *.deb; do dpkg -x $d FOLDER; done`, and give "
        f"{name}:FOLDER"
    )
