"""What a reading came to, in one remark: found, used, split, shape, depth, what was left out."""

from __future__ import annotations

from typing import Any

from models.reading.found import Found
from models.reading.gather import Seen

_KINDS = {"uint16": "16-bit numbers", "float32": "floats", "float64": "floats", "float16": "floats"}


def remark(found: Found, card: dict[str, Any], seen: Seen) -> str:
    """One line for people.

    Args:
        found: What the reader says.
        card: The data card so far.
        seen: What was met while decoding.
    """
    counts, (channels, height, width) = card["counts"], card["image_shape"]
    given = card["split_seed"] is None
    how = "" if given else f", drawn {card['split']} with seed {card['split_seed']}"
    sentences = [
        f"Found {found.what}.",
        f"Used {seen.pictures:,}: {counts['train']:,} to train on and {counts['test']:,} to test on"
        f"{how}.",
        *_frames(seen),
        f"They are {width}×{height}, {'grey' if channels == 1 else 'in colour'}"
        f"{_fitted(seen, height)}.",
        *_depth(card),
        *_labels(found),
        *found.notes,
    ]
    return " ".join(sentences)


def _frames(seen: Seen) -> list[str]:
    files, frames = seen.several
    if not files:
        return []
    return [f"Every frame is a picture: {files:,} files have {frames:,}, each file in one part."]


def _fitted(seen: Seen, side: int) -> str:
    """How they became so, or nothing where they were so already."""
    if seen.sizes is None or seen.sizes == ((side, side), (side, side)):
        return ""
    (low_h, low_w), (high_h, high_w) = seen.sizes
    least, most = f"{low_w}×{low_h}", f"{high_w}×{high_h}"
    came = least if least == most else f"{least} to {most}"
    cut = f"; {seen.cut:,} were cut to the square in their middle" if seen.cut else ""
    return f", resized from {came}{cut}"


def _depth(card: dict[str, Any]) -> list[str]:
    said = [
        f"{str(_KINDS.get(kind, kind)).capitalize()}: {low:g} is black and {high:g} white in all."
        for kind, (low, high) in card.get("range", {}).items()
    ]
    if profiles := card.get("profiles"):
        named = ", ".join(f"{name} ({count:,})" for name, count in profiles.items())
        said.append(f"Converted to sRGB from {named}.")
    return said


def _labels(found: Found) -> list[str]:
    if not found.labels:
        return ["No labels."]
    names = [
        f"{name} ({len(found.classes[name])} classes)" if name in found.classes else name
        for name in found.labels
    ]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"Labels: {', '.join(names[:5])}{more}."]
