"""What a place holds where it holds no picture, and what to do about it, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from models.errors import BadInput

PUT_IN = "put PNG, JPEG, HEIC, WebP, GIF, BMP or TIFF files in."
_EXPORT = "write its pictures out as PNG or JPEG files with the tool that made it, and give those."
_LMDB = ("LMDB database", f"it has no layout that is known here: {_EXPORT}")
_DICOM = (
    "DICOM image",
    "convert each, as in `dcmj2pnm +on2 IN.dcm OUT.png` (package dcmtk), and give the folder of "
    "the PNGs.",
)
_ARCHIVE = ("archive", "unpack it and give the folder that comes out as --data.")
_PICKLE = ("Python pickle", f"pickles can run code and are never loaded: {_EXPORT}")
_ARRAYS = ("array file", "save the pictures with numpy.savez(file, train=…, test=…) and give that.")
_VIDEO = ("video", "cut it into frames, as in `ffmpeg -i VIDEO frames/%06d.png`, and give those.")
_CONVERT = "convert them to PNG or JPEG and give the folder of those."
_SAVED = ("data set saved by datasets", "write it with to_parquet(…) and give the .parquet files.")

# What files of a suffix are, in the singular, and what to do with them.
_KINDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys((".mdb", ".lmdb"), _LMDB),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), _DICOM),
    **dict.fromkeys(
        (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"), _ARCHIVE
    ),
    **dict.fromkeys((".pkl", ".pickle", ".p"), _PICKLE),
    **dict.fromkeys((".pt", ".pth", ".ckpt"), ("PyTorch file", _PICKLE[1])),
    **dict.fromkeys((".npz", ".npy"), _ARRAYS),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg"), _VIDEO),
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf"), ("raw photo", _CONVERT)),
    **dict.fromkeys((".svg", ".pdf", ".eps", ".ai", ".psd"), ("drawing or document", _CONVERT)),
    **dict.fromkeys((".h5", ".hdf5"), ("HDF5 file", _EXPORT)),
    **dict.fromkeys((".tfrecord", ".tfrecords"), ("TFRecord file", _EXPORT)),
    **dict.fromkeys((".rec", ".bcolz", ".beton", ".zarr"), ("file of records", _EXPORT)),
    **dict.fromkeys((".nii", ".mha", ".nrrd"), ("medical volume", _EXPORT)),
    ".mat": ("MATLAB file", _ARRAYS[1]),
    ".arrow": _SAVED,
    ".parquet": ("Parquet file", "give the folder of the Parquet files alone."),
}
_PICTURE_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_NO_SUFFIX = (
    "picture without a suffix",
    "give each its suffix, as in `for f in *; do mv $f $f.png; done`.",
)
_SNIFFED = 20


def no_picture(label: str, names: Sequence[str], head: Callable[[str], bytes]) -> BadInput:
    """The error for a folder or archive without pictures: what is there instead, and what to do.

    Args:
        label: What the place is called.
        names: All its files.
        head: The first bytes of one of them, 132 or more where it has them.
    """
    names = [name for name in names if PurePosixPath(name).name != "lock.mdb"]  # LMDB's other half
    if not names:
        return BadInput(f"{label} holds no picture: it is empty - {PUT_IN}")
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    sniffs = _SNIFFED
    for name in names:
        kind = _KINDS.get(PurePosixPath(name).suffix.lower())
        if kind is None and sniffs:
            kind, sniffs = _sniffed(head(name)), sniffs - 1
        if kind is not None:
            counts[kind] += 1
            first.setdefault(kind, name)
    if not counts:
        return BadInput(f"{label} holds no picture but {_files(names)} - {PUT_IN}")
    kind, count = counts.most_common(1)[0]
    others = len(names) - count
    more = f", and {others} other file{'s' * (others > 1)}" if others else ""
    return BadInput(
        f"{label} holds no picture but {count} {kind[0]}{'s' * (count > 1)} (such as "
        f"{first[kind]}){more} - {kind[1]}"
    )


def tally(names: Sequence[str]) -> str:
    """How many files of which suffix, the most frequent first, as in "3 .txt, 1 .csv"."""
    counts = Counter(PurePosixPath(name).suffix.lower() or "without a suffix" for name in names)
    return ", ".join(f"{count:,} {suffix}" for suffix, count in counts.most_common(5))


def _files(names: Sequence[str]) -> str:
    return f"{len(names):,} file{'s' * (len(names) > 1)} of other kinds ({tally(names)})"


def _sniffed(head: bytes) -> tuple[str, str] | None:
    if head[128:132] == b"DICM":
        return _DICOM
    if head.startswith((b"PK\3\4", b"\x1f\x8b")):
        return _ARCHIVE
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5":
        return _PICKLE
    return _NO_SUFFIX if head.startswith(_PICTURE_MAGIC) else None
