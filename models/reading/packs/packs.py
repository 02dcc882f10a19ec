"""A folder, a zip or a tar as one thing: its pictures by name, and what lies beside them."""

from __future__ import annotations

import shutil
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar, cast

import numpy as np
from tqdm import tqdm

from models.errors import BadInput
from models.reading.files import (
    HEAD_BYTES,
    MAX_BYTES,
    is_hidden,
    is_link,
    is_picture_name,
    open_zip,
    plain_name,
    read_zip_member,
    shown_name,
)
from models.reading.found import Block
from models.reading.packs.contents import no_picture
from models.reading.packs.folders import walk
from models.reading.packs.tars import is_tar_name, open_tar, read_tar_member
from models.reading.pictures import open_frames
from models.reading.store import Scratch

T = TypeVar("T")
TOLD = 10  # of bad files by name


@dataclass(frozen=True)
class Pack:
    """The files of a folder or an archive.

    Attributes:
        path: The folder or the archive.
        kind: "folder", "zip" or "tar".
        names: Its pictures by their path inside it, sorted.
        others: Its other files; hidden ones left out.
        read: The bytes of a picture by its place in `names`, or its path.
        open: Another file by its name.
        notes: Links that were not followed, as sentences.
    """

    path: Path
    kind: str
    names: tuple[str, ...]
    others: tuple[str, ...]
    read: Callable[[int], bytes | Path]
    open: Callable[[str], IO[bytes]]
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return shown_name(str(self.path) if self.kind == "folder" else self.path.name)

    def place(self, name: str) -> str:
        """What a file in it is called in messages."""
        return name if self.kind == "folder" else f"{name} in {self.path.name}"

    def text(self, name: str) -> str:
        """Another file as text; BadInput if it is damaged or too long."""
        data = self._using(name, lambda file: file.read(MAX_BYTES + 1))
        if len(data) > MAX_BYTES:
            raise BadInput(f"{self.place(name)} has more than {MAX_BYTES // 2**20} MiB")
        return data.decode("utf-8-sig", errors="replace")

    def unpack(self, name: str, target: Path) -> None:
        """Write another file to disk; BadInput if it is damaged."""
        with target.open("wb") as out:
            self._using(name, lambda file: shutil.copyfileobj(file, out))

    def no_picture(self) -> BadInput:
        """The error for one without pictures."""
        return no_picture(self.label, self.others, self._head)

    def _head(self, name: str) -> bytes:
        try:
            return self._using(name, lambda file: file.read(HEAD_BYTES))
        except BadInput:
            return b""

    def _using(self, name: str, act: Callable[[IO[bytes]], T]) -> T:
        try:
            with self.open(name) as file:
                return act(file)
        except Exception as error:  # zipfile, tarfile and zlib each raise their own
            raise BadInput(f"{self.place(name)} cannot be read - copy or pack it again") from error


def open_pack(path: Path) -> Pack:
    """The files of a folder, a zip or a tar.

    Raises:
        BadInput: It cannot be read, or an archive is damaged or a bomb.
    """
    if path.is_dir():
        return _folder(path)
    return _tar(path) if is_tar_name(path.name) else _zip(path)


def _folder(path: Path) -> Pack:
    found = walk(path)
    names = tuple(name for name in found.files if is_picture_name(name))
    notes = []
    if found.again:
        notes.append(
            f"Not followed, since what they lead to was read already: {_some(found.again)}."
        )
    if found.dead:
        notes.append(f"Links that lead nowhere: {_some(found.dead)}.")
    return Pack(
        path, "folder", names, _others(found.files), lambda i: path / names[i],
        lambda name: (path / name).open("rb"), tuple(notes),
    )  # fmt: skip


def _zip(path: Path) -> Pack:
    archive, members = open_zip(path)
    by_name = {plain_name(info.filename): info for info in members}
    pictures = [info for info in members if is_picture_name(plain_name(info.filename))]
    links = [info.filename for info in archive.infolist() if is_link(info)]
    return Pack(
        path, "zip", tuple(plain_name(info.filename) for info in pictures), _others(by_name),
        lambda i: read_zip_member(archive, pictures[i], shown_name(path.name)),
        lambda name: archive.open(by_name[name]), _unfollowed(links),
    )  # fmt: skip


def _tar(path: Path) -> Pack:
    scratch = Scratch()
    archive, members = open_tar(path, scratch)
    by_name = {plain_name(info.name): info for info in members}
    pictures = [info for info in members if is_picture_name(plain_name(info.name))]
    links = [info.name for info in archive.getmembers() if info.issym() or info.islnk()]

    def read(i: int, _: Scratch = scratch) -> bytes:  # the unpacked tar lives as long as its reader
        return read_tar_member(archive, pictures[i], shown_name(path.name))

    return Pack(
        path, "tar", tuple(plain_name(info.name) for info in pictures), _others(by_name), read,
        lambda name: _member(archive, by_name[name]), _unfollowed(links),
    )  # fmt: skip


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    return cast(IO[bytes], archive.extractfile(info))


def _unfollowed(links: list[str]) -> tuple[str, ...]:
    return (f"Links in the archive are not followed: {_some(links)}.",) if links else ()


def _others(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not is_hidden(name) and not is_picture_name(name))


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def picture_blocks(
    sources: Iterator[tuple[int, bytes | Path | BadInput, str]], count: int
) -> Iterator[Block]:
    """The frames of picture files as they are decoded.

    Args:
        sources: Of each file its item, its bytes or path (or why there are none), and what it is
            called.
        count: How many files there are, for the message.

    Raises:
        BadInput: At the end, of all files that cannot be read: the first ten and how many.
    """
    bad: list[str] = []
    shown = tqdm(sources, "pictures", count, unit="file", disable=not sys.stderr.isatty())
    for item, source, name in shown:
        try:
            if isinstance(source, BadInput):
                raise source
            for frame in open_frames(source, name):
                yield Block(np.array([item]), frame.pixels[None], frame.profile)
        except BadInput as error:
            bad.append(str(error))
    if bad:
        raise _unusable(bad, count)


def pack_blocks(pack: Pack, mask: np.ndarray) -> Iterator[Block]:
    """The frames of the marked pictures of a pack; errors as `picture_blocks`."""

    def sources() -> Iterator[tuple[int, bytes | Path | BadInput, str]]:
        for index in np.flatnonzero(mask).tolist():
            try:
                yield index, pack.read(index), pack.place(pack.names[index])
            except BadInput as error:
                yield index, error, pack.place(pack.names[index])

    return picture_blocks(sources(), int(mask.sum()))


def _unusable(bad: list[str], count: int) -> BadInput:
    if len(bad) == 1:
        return BadInput(bad[0])
    told = "; ".join(message.split(" - ")[0] for message in bad[:TOLD])
    more = f"; and {len(bad) - TOLD:,} more" if len(bad) > TOLD else ""
    return BadInput(
        f"{len(bad):,} of {count:,} picture files cannot be used: {told}{more} - mend them or "
        "take them out."
    )
