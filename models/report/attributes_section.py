"""attributes.json of a checkpoint, and what its model card says of it."""

from __future__ import annotations

from pathlib import Path

from models.report.kept_measures import Facts, read_kept

FILE = "attributes.json"


def read_attributes(folder: Path, weights: str) -> Facts | None:
    """The measures of `models.attributes` in a folder; None if there are none of these weights."""
    return read_kept(folder, FILE, weights)


def sheet_name(t: int) -> str:
    """The file of the picture of a level."""
    return f"level_{t}.png"


def depth(facts: Facts) -> int:
    """T: the measures of an attribute run t = 1 … T + 1."""
    return len(next(iter(facts["attributes"].values()))["survival"]) - 1


def attribute_section(facts: Facts, name: str) -> list[str]:
    """The section of the model card."""
    return [
        "## What each level means",
        "",
        f"{facts['n_images']:,} test pictures are encoded on the mean path, the named levels are "
        f"kept, all below is drawn anew ({facts['draws']} times), and a classifier trained on the "
        "labels looks at the result. In percent, ± one standard error: how often it still finds "
        "the original's label. *chance*: how often two test pictures share a class. *pictures*: "
        "how often the classifier is right on the test pictures themselves.",
        "",
        *_survival_rows(facts),
        "",
        "How real samples look: the classifier's mean confidence, and the share of pictures at "
        "least as sure as all but the least sure 5 % of the real ones, in percent.",
        "",
        *_realism_rows(facts),
        "",
        *_pictures(depth(facts)),
        "```bash",
        f"python -m models.attributes checkpoints/{name} --data {facts['data']} "
        f"--draws {facts['draws']} --samples {facts['realism']['samples']['pictures']}",
        "```",
    ]


def table(facts: Facts) -> list[str]:
    """The measures as lines a person reads in a terminal."""
    return [*_survival_rows(facts), "", *_realism_rows(facts)]


def _kept(t: int, top: int) -> str:
    """What is kept from level t up, in words."""
    if t > top:
        return "nothing kept"
    return f"z_{top} kept" if t == top else f"z_{t} … z_{top}"


def _survival_rows(facts: Facts) -> list[str]:
    top = depth(facts)
    order = range(top + 1, 0, -1)
    columns = ["attribute (classes)", "chance", *(_kept(t, top) for t in order), "pictures"]
    rows = [columns, ["---"] + ["---:"] * (len(columns) - 1)]
    for name, found in facts["attributes"].items():
        survived = (_percent(found["survival"][t - 1]) for t in order)
        title = f"{name.replace('_', ' ')} ({found['classes']})"
        rows.append(
            [title, f"{100 * found['chance']:.1f}", *survived, _percent(found["classifier"])]
        )
    return _markdown(rows)


def _realism_rows(facts: Facts) -> list[str]:
    rows = [["", "pictures", "confidence", "as sure as real"], ["---"] + ["---:"] * 3]
    rows += [
        [kind, f"{found['pictures']:,}", _percent(found["confidence"]),
         _percent(found["as_sure_as_real"])]
        for kind, found in facts["realism"].items()
    ]  # fmt: skip
    return _markdown(rows)


def _pictures(top: int) -> list[str]:
    lines = []
    for t in range(top, 0, -1):
        below = "the reconstruction" if t == 1 else "all below drawn anew, four times"
        lines += [f"{_kept(t, top)}: the originals, then {below}.", ""]
        lines += [f"![{_kept(t, top)}]({sheet_name(t)})", ""]
    return lines


def _percent(estimate: list[float]) -> str:
    return f"{100 * estimate[0]:.1f} ± {100 * estimate[1]:.1f}"


def _markdown(rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in rows]
