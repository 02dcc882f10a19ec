"""What makes a single picture come sooner: one decode, timed variant by variant.

    python -m benchmarks.decode [--models avatars,digits] [--json FILE] [--quick]

A decode is `explorer.render.render.render` as the page calls it: an encoded test image, one edit at
every level, what was decoded before at hand, and one slider that stands elsewhere each time: the
weightiest of the top level ("top") or of z_1 ("bottom"). The variants take turns in short blocks,
so that a busy moment of the machine meets all of them; each block begins with a few decodes that
are not timed. Then everything is timed once more while another process keeps one core busy, as
a browser on the same machine does ("busy").

    p50, p95      milliseconds a decode
    ratio         p50 over that of the first variant, in the same run; below 1 is faster
    max, mean     difference of a pixel from the first variant, in units of 1/255 before
                  rounding, over test images and edits of −3, −1, 1 and 3 σ at each level
    ready         seconds to make the model ready

The first variant is float32 on one thread in torch's own layout, everything computed anew at
every step. On a GPU, times include the copy of the picture to the processor.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.records import percentile
from benchmarks.variants import Runner, all_variants
from explorer.library.ready import cores
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint, pick_device

ROOT = Path(__file__).resolve().parents[1]
MODELS = "avatars,digits,fashion"
BLOCK, UNTIMED = 20, 4
SIGMAS = (-3.0, -1.0, 1.0, 3.0)
SPIN = [sys.executable, "-c", "while True: pass"]

Times = dict[tuple[str, int], list[float]]  # milliseconds, by variant and level


@dataclass(frozen=True)
class Row:
    """What was measured of one variant of one model, in the units of the module's text."""

    model: str
    variant: str
    top_p50_ms: float
    top_p95_ms: float
    top_ratio: float
    bottom_p50_ms: float
    bottom_p95_ms: float
    bottom_ratio: float
    busy_p50_ms: float
    busy_p95_ms: float
    max_difference: float
    mean_difference: float
    ready_s: float


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = build_parser().parse_args(arguments)
    device = str(pick_device(options.device))
    rows: list[Row] = []
    for name in options.models.split(","):
        checkpoint = load_checkpoint(ROOT / "checkpoints" / name, device)
        rows += measure(checkpoint, cores(), rounds=6 if options.quick else 20)
        print(table([row for row in rows if row.model == name]), flush=True)
    if options.json:
        result = {
            "device": device, "cores": cores(), "torch": torch.__version__,
            "processor": platform.processor(), "rows": [asdict(row) for row in rows],
        }  # fmt: skip
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decode", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", default=MODELS, help=f"bundled models (default: {MODELS})")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--quick", action="store_true", help="fewer decodes")
    return parser


def measure(checkpoint: Checkpoint, threads: int, rounds: int) -> list[Row]:
    """Every variant of a model, in turns.

    Args:
        threads: How many threads the variant with more than one has.
        rounds: How many blocks of each.
    """
    runners = {v.name: Runner(checkpoint, v) for v in all_variants(threads)}
    levels = (checkpoint.model.depth, 1)
    quiet = timed(runners, levels, rounds)
    with busy_core():
        busy = timed(runners, levels[:1], rounds)
    pictures = {name: taken(runner) for name, runner in runners.items()}
    first, *_ = runners
    top, bottom = ({n: quiet[n, level] for n in runners} for level in levels)

    def row(name: str) -> Row:
        difference = 255 * (pictures[name] - pictures[first]).abs()
        return Row(
            model=checkpoint.name,
            variant=name,
            top_p50_ms=percentile(top[name], 50),
            top_p95_ms=percentile(top[name], 95),
            top_ratio=percentile(top[name], 50) / percentile(top[first], 50),
            bottom_p50_ms=percentile(bottom[name], 50),
            bottom_p95_ms=percentile(bottom[name], 95),
            bottom_ratio=percentile(bottom[name], 50) / percentile(bottom[first], 50),
            busy_p50_ms=percentile(busy[name, levels[0]], 50),
            busy_p95_ms=percentile(busy[name, levels[0]], 95),
            max_difference=float(difference.max()),
            mean_difference=float(difference.mean()),
            ready_s=runners[name].ready_s,
        )

    return [row(name) for name in runners]


def timed(runners: Mapping[str, Runner], levels: Sequence[int], rounds: int) -> Times:
    """Blocks of decodes, the variants and levels taking turns."""
    times: Times = {(name, level): [] for name in runners for level in levels}
    for _ in range(rounds):
        for (name, level), found in times.items():
            with runners[name].settings():
                block = [runners[name].decode_ms(level) for _ in range(UNTIMED + BLOCK)]
            found += block[UNTIMED:]
    return times


def taken(runner: Runner) -> torch.Tensor:
    """The pictures that the variants are compared by."""
    with runner.settings():
        return runner.pictures(examples=8, sigmas=SIGMAS)


@contextmanager
def busy_core() -> Iterator[None]:
    """Another process that keeps one core busy."""
    process = subprocess.Popen(SPIN)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def table(rows: Sequence[Row]) -> str:
    """One model as plain text."""
    lines = [
        f"{rows[0].model:30s}        top              bottom             busy       "
        "difference/255   ready",
        f"{'':30s} p50    p95  ratio   p50    p95  ratio   p50    p95     max    mean       s",
    ]
    for row in rows:
        lines.append(
            f"{row.variant:30s}"
            f"{row.top_p50_ms:6.2f} {row.top_p95_ms:6.2f} {row.top_ratio:6.2f}"
            f"{row.bottom_p50_ms:6.2f} {row.bottom_p95_ms:6.2f} {row.bottom_ratio:6.2f}"
            f"{row.busy_p50_ms:6.2f} {row.busy_p95_ms:6.2f}"
            f"{row.max_difference:8.4f} {row.mean_difference:7.4f} {row.ready_s:7.1f}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
