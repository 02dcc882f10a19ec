"""The ablation of recipes against collapse: trains every run and writes the table of the docs.

    python -m benchmarks.collapse --data MNIST [--out runs/collapse] [--steps 6000]
                                  [--only NAME,…] [--docs docs/collapse.md]

Each run is `models.train` with one recipe switched on (`collapse_plan.py`), a small MLP and the
same number of steps, on one thread. It is measured by `models.evaluate`: −ELBO, rates and active
units on the whole test set, the bound of K = 50 draws on the first 1,000 images. Runs that are
complete are not trained again, so the command can be stopped and given again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.collapse_figure import Panel, figure
from benchmarks.collapse_plan import RUNS, Ablation
from models.storage.atomic import write_file
from models.training.metrics import read_metrics
from models.training.run import RunFiles

MEASURES = "collapse.json"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
SHOWN = (
    "t3-plain", "t3-free-bits", "t3-targets", "t3-warm-up", "t3-greedy", "t3-fixed-top",
    "t3-weighted", "t3-free-bits-weighted", "t5-plain", "t5-free-bits", "t5-targets",
    "t5-free-bits-weighted",
)  # fmt: skip
HEAD = (
    "| T | recipe | −ELBO | NLL, K = 50 | rates z_1 / … / z_T | active units | reach | minutes |\n"
    "|---|---|---|---|---|---|---|---|"
)


def main(arguments: list[str] | None = None) -> int:
    """Train what is missing, print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collapse", description=__doc__)
    parser.add_argument("--data", required=True, help="MNIST: a folder of IDX files, or hf:…")
    parser.add_argument("--out", type=Path, default=Path("runs/collapse"))
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--only", help="names of the runs, with commas (default: all)")
    parser.add_argument("--docs", type=Path, help="put the table into this page, the figure beside")
    options = parser.parse_args(arguments)
    chosen = options.only.split(",") if options.only else [run.name for run in RUNS]
    unknown = sorted(set(chosen) - {run.name for run in RUNS})
    if unknown:
        names = ", ".join(run.name for run in RUNS)
        print(f"error: there is no run {', '.join(unknown)}: choose of {names}.", file=sys.stderr)
        return 2
    for run in RUNS:
        if run.name in chosen and not complete(options.out / run.name, options.steps):
            train_and_measure(run, options.data, options.out / run.name, options.steps)
    done = [run for run in RUNS if complete(options.out / run.name, options.steps)]
    rows = table(done, options.out)
    print(rows)
    if options.docs:
        write_docs(options.docs, rows, done, options.out)
    return 0


def complete(folder: Path, steps: int) -> bool:
    """Whether a run of so many steps has been trained and measured."""
    found = folder / MEASURES
    return found.is_file() and json.loads(found.read_text())["steps"] == steps


def train_and_measure(run: Ablation, data: str, folder: Path, steps: int) -> None:
    """One run, in processes of its own, and its measures beside it."""
    train = run.arguments(data, str(folder), steps)
    measured = folder / "measured.json"
    call("models.train", [*train, "--threads=1"])
    call("models.evaluate", [
        str(folder), f"--data={data}", "--k=50", "--limit=1000", "--samples=0", "--threads=1",
        f"--json={measured}",
    ])  # fmt: skip
    spent = json.loads((folder / "config.json").read_text())["training"]
    kept: dict[str, Any] = {
        "steps": steps, "minutes": spent["cpu_s"] / 60, "command": train,
        **json.loads(measured.read_text()),
    }  # fmt: skip
    write_file(folder / MEASURES, json.dumps(kept, indent=2).encode())


def call(module: str, arguments: Sequence[str]) -> None:
    """Run a command of ours; its failure ends the benchmark."""
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


def table(runs: Sequence[Ablation], out: Path) -> str:
    """The table in Markdown, a row a run."""
    return "\n".join([HEAD, *(row(run, measures(out / run.name)) for run in runs)])


def measures(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MEASURES).read_text())


def row(run: Ablation, found: dict[str, Any]) -> str:
    """One line of the table."""
    cells = (
        str(run.depth), run.recipe, f"{-found['elbo_nats']:.2f}", f"{found['nll_nats']:.2f}",
        _listed(found["rate_nats"], ".1f"), _listed(found["active_units"], "d"),
        _listed(found["reach"], ".2f"), f"{found['minutes']:.1f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _listed(values: Sequence[float], style: str) -> str:
    return " / ".join(format(value, style) for value in values)


def panel(run: Ablation, folder: Path) -> Panel:
    """The rates over a training, from its metrics."""
    rows = read_metrics(RunFiles(folder))
    last = rows[-1]["step"]
    rates = [[row[f"rate_{t}_nats"] for row in rows] for t in range(1, run.depth + 1)]
    return Panel(f"T = {run.depth}, {run.recipe}", [row["step"] / last for row in rows], rates)


def write_docs(page: Path, rows: str, runs: Sequence[Ablation], out: Path) -> None:
    """Put the table between its marks in the page, and the figure into img/ beside it."""
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    write_file(page, f"{before}{BEGIN}\n{rows}\n{END}{after}".encode())
    panels = [panel(run, out / run.name) for run in runs if run.name in SHOWN]
    write_file(page.parent / "img" / "collapse.svg", figure(panels).encode())


if __name__ == "__main__":
    sys.exit(main())
