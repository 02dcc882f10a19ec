"""photographs.json of a checkpoint, and what its model card says of it."""

from __future__ import annotations

from pathlib import Path

from models.report.kept_measures import Facts, read_kept

FILE = "photographs.json"


def read_photographs(folder: Path, weights: str) -> Facts | None:
    """The measures of `models.photos`; None if there are none of these weights."""
    return read_kept(folder, FILE, weights)


def photograph_section(facts: Facts, name: str) -> list[str]:
    """The section of the model card."""
    return [
        "## How faithful it is to photographs",
        "",
        "PSNR of the mean-path reconstruction, mean over pictures ± one standard error. *Crops* "
        "are the test set. *Held out* are the same photographs, whole, cut to a square as an "
        "upload is; *another kind* are people, pets, food, rooms and streets from elsewhere "
        "(`models/data/photo_list.json`). Only pictures that are at least as large as the side "
        "count.",
        "",
        *rows(facts),
        "",
        "```bash",
        f"python -m models.photos checkpoints/{name} --data photos:FOLDER",
        "```",
    ]


def rows(facts: Facts) -> list[str]:
    """The measures as a table."""
    lines = ["| pictures | side | number | PSNR (dB) | lowest |", "|---|---:|---:|---:|---:|"]
    for found in facts["psnr"]:
        error = found["standard_error"]
        spread = "" if error is None else f" ± {error:.2f}"
        lines.append(
            f"| {found['pictures']} | {found['side']} | {found['number']:,} | "
            f"{found['mean']:.2f}{spread} | {found['lowest']:.2f} |"
        )
    return lines
