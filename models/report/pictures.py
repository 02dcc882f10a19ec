"""The sections of the report that show pictures: samples, reconstructions, neighbours."""

from __future__ import annotations

from typing import Any

from models.chain import prior_samples
from models.checkpoint.checkpoint import Checkpoint
from models.data.load import Data
from models.evaluation.suite import Evaluation
from models.precision import quick
from models.report.html import grid, pictures
from models.report.levels import level_name
from models.report.plots import distance_plot
from models.report.sheets import in_rows, level_sheet, neighbour_strips, reconstruction_sheet, sheet
from models.report.words import defined

# Pictures in a row of half a sheet, and rows of samples: grey ones are small, colour weighs more.
GREY_COLUMNS, GREY_ROWS, COLOUR_COLUMNS, COLOUR_ROWS = 8, 4, 6, 3

MEMORISED = "<h2>Is anything memorised?</h2>"


def _columns(checkpoint: Checkpoint) -> tuple[int, int]:
    """Pictures in a row of half a sheet, and rows of samples; a telephone stacks the halves."""
    grey = checkpoint.model.image_shape[0] == 1
    return (GREY_COLUMNS, GREY_ROWS) if grey else (COLOUR_COLUMNS, COLOUR_ROWS)


@quick()
def samples(checkpoint: Checkpoint, result: dict[str, Any]) -> str:
    columns, rows = _columns(checkpoint)
    half = rows * columns
    drawn = prior_samples(checkpoint.model, 2 * half, result["seed"])
    text = (
        f"Every level is drawn from the prior at temperature 1, seeds {result['seed']} to "
        f"{result['seed'] + 2 * half - 1}; not selected."
    )
    halves = [sheet(in_rows(part, columns)) for part in drawn.split(half)]
    return "<h2>Samples from the prior</h2>" + pictures([("", halves, text)])


def reconstructions(checkpoint: Checkpoint, found: Evaluation) -> str:
    text = (
        "In pairs of rows: the first test images as the model sees them, and the picture that "
        "comes back on the mean path."
    )
    columns, _ = _columns(checkpoint)
    parts = found.seen[: 4 * columns].split(2 * columns)
    drawn = [reconstruction_sheet(checkpoint.model, part, columns) for part in parts]
    return "<h2>Reconstructions</h2>" + pictures([("", drawn, text)])


def redrawn(checkpoint: Checkpoint, found: Evaluation) -> str:
    """What every level keeps of a picture."""
    depth = checkpoint.model.depth
    if depth == 1:
        return ""
    items = []
    for t in range(2, depth + 1):
        below, kept = _named(1, t - 1), _named(t, depth)
        items.append((
            f"{kept} kept", [level_sheet(checkpoint.model, found.seen, t)],
            f"{below} drawn anew from the prior under what is kept, a row a seed.",
        ))  # fmt: skip
    return (
        "<h2>What the upper levels keep</h2><p>The first row is test images; below, everything "
        "under the named levels is drawn anew. What stays the same is what the level "
        "knows.</p>" + pictures(items)
    )


def _named(first: int, last: int) -> str:
    """z₁, or z₁, z₂, or z₁ … z₃."""
    between = ", " if last == first + 1 else " … "
    ends = [level_name(first)] + ([level_name(last)] if last > first else [])
    return between.join(ends)


def neighbours(data: Data, found: Evaluation) -> str:
    head = MEMORISED
    if found.neighbours is None:
        return head + "<p class=note>Left out of this evaluation (<code>--samples 0</code>).</p>"
    near, facts = found.neighbours, found.result["neighbours"]
    text = (
        f"<p>{facts['samples']:,} samples against the {len(data.train):,} training images. Mean "
        f"{defined('distance')} to the nearest: samples {facts['distance_samples']:.4f}, unseen "
        f"test images {facts['distance_tests']:.4f}, their reconstructions "
        f"{facts['distance_reconstructions']:.4f}; {defined('ratio')} "
        f"<b>{facts['ratio_to_tests']:.3f} ± {facts['ratio_to_tests_error']:.3f}</b>, samples ÷ "
        f"reconstructions {facts['ratio_to_reconstructions']:.3f} ± "
        f"{facts['ratio_to_reconstructions_error']:.3f}. {defined('copy', 'Copies')}: "
        f"<b>{facts['copies_samples']}</b> of {facts['samples']:,} samples, "
        f"{facts['copies_tests']} of {facts['tests']:,} test images.</p>"
    )
    strips = "".join(
        f'<div class=strip><img src="{uri}" alt="a sample and its nearest training images">'
        f"<div><span>sample</span>{''.join(f'<span>{d:.3f}</span>' for d in distances)}</div></div>"
        for uri, distances in neighbour_strips(near.pictures, near.samples, data.train)
    )
    sheet_of = (
        f"<figure><h3>Samples and their three nearest training images</h3>"
        f"<div class=strips>{strips}</div><figcaption>Numbers are distances.</figcaption></figure>"
    )
    return head + text + grid([distance_plot(near), sheet_of])
