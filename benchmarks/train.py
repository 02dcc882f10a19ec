"""How fast a model is trained, against pythae's trainer and against a textbook's loop.

    python -m benchmarks.train [--pythae FOLDER] [--json FILE] [--quick]

Two comparisons, on pictures of MNIST's shape and number, all with the same networks (residual
MLPs of width 300), batch and threads:

    T = 1    our trainer, pythae's VAE under pythae's own BaseTrainer
    T = 3    our trainer, the same MHVAE in plain PyTorch (benchmarks/train_textbook.py)

Our trainer runs as `python -m models.train` does, in the precision that it chooses by itself on
this machine and once more in float32; it also averages the weights, clips the gradient and draws
each pixel anew, which pythae does not. Every contestant is a process of its own; they take turns
in short blocks of steps, so that a busy moment of the machine meets all of them.

    images/s     of the median block, with the 10th and the 90th percentile
    times        our images/s over those of the other in the same turn, the median over turns; on
                 a busy processor the same by processor time is the steadier number
    cpu          processor time, ms a step
    peak         the most memory that the process held, in MB, the pictures included
    of products  share of the rate at which this machine multiplies large square matrices of the
                 same precision, on the same threads and in the same turns, that training reaches;
                 counted are the matrix products of a step, back and forth

pythae is no dependency. Where it is not installed its row is missing; the run says how to get it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from benchmarks.records import percentile
from benchmarks.train_contestants import Setup, flops_of_product, flops_of_step
from explorer.library.ready import cores
from models.checkpoint.checkpoint import pick_device
from models.training.asked import wants_bf16

ROOT = Path(__file__).resolve().parents[1]
WANTED = 1.5
LEVELS = {"T = 1": (50,), "T = 3": (50, 25, 12)}
RIVALS = {"T = 1": "pythae", "T = 3": "textbook"}
GET_PYTHAE = (
    "pythae is not measured: it is not installed. Put it into a folder of its own, without the "
    "torch that it asks for:\n  pip install --no-deps --target /tmp/pythae pythae cloudpickle "
    "imageio scikit-learn scipy joblib threadpoolctl\nand give --pythae /tmp/pythae."
)


@dataclass(frozen=True)
class Row:
    """What was measured of one contestant, in the units of the module's text."""

    comparison: str
    name: str
    precision: str
    images_per_s: float
    images_per_s_p10: float
    images_per_s_p90: float
    cpu_ms: float
    peak_mb: float
    cuda_mb: float | None
    share_of_products: float


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as a rival our trainer is: median, 10th and 90th percentile.

    `times_cpu` is the median for processor time in place of time on the clock.
    """

    comparison: str
    rival: str
    precision: str
    times: float
    times_p10: float
    times_p90: float
    times_cpu: float


@dataclass(frozen=True)
class Contestant:
    """A name in `train_contestants.CONTESTANTS` and its setup."""

    comparison: str
    name: str
    setup: Setup

    @property
    def precision(self) -> str:
        return "bfloat16" if self.setup.bf16 else "float32"


class Child:
    """The process of a contestant."""

    def __init__(self, contestant: Contestant, pythae: Path | None) -> None:
        own = str(pythae) if pythae and contestant.name == "pythae" else ""
        paths = [os.environ.get("PYTHONPATH", ""), own]
        environment = os.environ | {
            "OMP_NUM_THREADS": str(contestant.setup.threads),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.train_contestants", contestant.name,
             contestant.setup.to_json()],
            cwd=ROOT, env=environment, text=True, bufsize=1, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self) -> dict[str, float]:
        """The next line it says."""
        stdout = self._process.stdout
        line = stdout.readline() if stdout else ""
        if not line:
            raise RuntimeError(f"a contestant ended at once: {self._process.args}")
        return json.loads(line)

    def ask(self, order: str) -> dict[str, float]:
        """What it says to a line."""
        if self._process.stdin:
            self._process.stdin.write(order + "\n")
        return self.answer()


Blocks = dict[Contestant, list[dict[str, float]]]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = build_parser().parse_args(arguments)
    device = pick_device(options.device)
    base = Setup((1,), False, device=device.type, threads=options.threads or cores(),
                 batch=options.batch)  # fmt: skip
    bf16 = wants_bf16("auto", device)
    everyone = contestants(base, bf16, has_pythae(options.pythae))
    if "pythae" not in {one.name for one in everyone}:
        print(GET_PYTHAE, flush=True)
    rounds, steps = (5, 5) if options.quick else (15, 10)
    blocks, peaks = measure(everyone, options.pythae, rounds, steps)
    rows, ratios = table_rows(blocks, peaks), all_ratios(blocks)
    print(table(rows, ratios, products_per_s(blocks), base))
    if options.json:
        result = {
            "device": options.device, "threads": base.threads, "torch": torch.__version__,
            "rows": [asdict(row) for row in rows], "ratios": [asdict(one) for one in ratios],
            "products_per_s": products_per_s(blocks),
        }  # fmt: skip
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--pythae", type=Path, help="folder that pythae was installed into")
    parser.add_argument("--batch", type=int, default=256, help="images a step")
    parser.add_argument("--threads", type=int, help="processor threads (default: all cores)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    return parser


def has_pythae(folder: Path | None) -> bool:
    """Whether the children can import pythae."""
    search = [str(folder)] if folder else None
    code = f"import sys; sys.path += {search or []}; import pythae.trainers"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def contestants(base: Setup, bf16: bool, pythae: bool) -> list[Contestant]:
    """Everyone who takes part; our trainer in its own choice of precision and in float32."""
    precisions = (True, False) if bf16 else (False,)
    everyone: list[Contestant] = []
    for comparison, levels in LEVELS.items():
        plain = replace(base, levels=levels)
        ours = (replace(plain, bf16=half) for half in precisions)
        everyone += [Contestant(comparison, "strata", setup) for setup in ours]
        if pythae or RIVALS[comparison] != "pythae":
            everyone.append(Contestant(comparison, RIVALS[comparison], plain))
    machine = (replace(base, bf16=half) for half in precisions)
    return everyone + [Contestant("machine", "products", setup) for setup in machine]


def measure(
    everyone: Sequence[Contestant], pythae: Path | None, rounds: int, steps: int
) -> tuple[Blocks, dict[Contestant, dict[str, float]]]:
    """The times of every block, and the peaks of memory.

    Args:
        rounds: Turns of each contestant.
        steps: Steps of a turn.
    """
    blocks: Blocks = {one: [] for one in everyone}
    with ExitStack() as stack:
        children = {one: stack.enter_context(Child(one, pythae)) for one in everyone}
        for child in children.values():
            child.answer()
        for _ in range(rounds):
            for one, child in children.items():
                blocks[one].append({"steps": steps} | child.ask(str(steps)))
        return blocks, {one: child.ask("") for one, child in children.items()}


def products_per_s(blocks: Blocks) -> dict[str, float]:
    """Floating-point operations a second of large matrix products, by precision."""
    return {
        one.precision: percentile(
            [flops_of_product(one.setup.device) * b["steps"] / b["wall_s"] for b in found], 50
        )
        for one, found in blocks.items()
        if one.name == "products"
    }


def rates(one: Contestant, found: Sequence[Mapping[str, float]]) -> list[float]:
    """Images a second of every block."""
    return [one.setup.batch * block["steps"] / block["wall_s"] for block in found]


def table_rows(blocks: Blocks, peaks: Mapping[Contestant, Mapping[str, float]]) -> list[Row]:
    """One row for each trainer."""
    machine = products_per_s(blocks)
    setups = {one.setup.levels: one.setup for one in blocks if one.name == "strata"}
    flops = {levels: flops_of_step(setup) for levels, setup in setups.items()}

    def row(one: Contestant, found: Sequence[Mapping[str, float]]) -> Row:
        per_s = rates(one, found)
        steps_per_s = percentile(per_s, 50) / one.setup.batch
        return Row(
            one.comparison, one.name, one.precision,
            *(percentile(per_s, p) for p in (50, 10, 90)),
            cpu_ms=percentile([1000 * b["cpu_s"] / b["steps"] for b in found], 50),
            peak_mb=peaks[one]["peak_mb"],
            cuda_mb=peaks[one].get("cuda_mb"),
            share_of_products=flops[one.setup.levels] * steps_per_s / machine[one.precision],
        )  # fmt: skip

    return [row(one, found) for one, found in blocks.items() if one.name != "products"]


def all_ratios(blocks: Blocks) -> list[Ratio]:
    """Our trainer against its rival, turn by turn."""
    found: list[Ratio] = []
    for comparison, rival in RIVALS.items():
        here = {one: blocks[one] for one in blocks if one.comparison == comparison}
        theirs = [b for one, b in here.items() if one.name == rival]
        for one, own in here.items():
            if one.name == "strata" and theirs:
                turns = list(zip(own, theirs[0], strict=True))
                wall = [b["wall_s"] / a["wall_s"] for a, b in turns]
                cpu = [b["cpu_s"] / a["cpu_s"] for a, b in turns]
                low, middle, high = (percentile(wall, p) for p in (10, 50, 90))
                by_cpu = percentile(cpu, 50)
                found.append(Ratio(comparison, rival, one.precision, middle, low, high, by_cpu))
    return found


def table(
    rows: Sequence[Row], ratios: Sequence[Ratio], machine: Mapping[str, float], base: Setup
) -> str:
    """All numbers as plain text."""
    return "\n".join(_lines(rows, ratios, machine, base)) + "\n"


def _lines(
    rows: Sequence[Row], ratios: Sequence[Ratio], machine: Mapping[str, float], base: Setup
) -> Iterator[str]:
    speeds = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in machine.items())
    yield f"{base.device}, {base.threads} thread(s), batch {base.batch}, torch {torch.__version__}"
    yield f"matrix products, GFLOP/s: {speeds}"
    yield f"{'':28s}{'images/s':>9} {'p10':>8} {'p90':>8} {'cpu ms':>8} {'peak MB':>8} of products"
    for row in rows:
        name = f"{row.comparison}, {row.name}, {row.precision}"
        cuda = "" if row.cuda_mb is None else f"  (GPU {row.cuda_mb:.0f} MB)"
        yield (
            f"{name:28s}{row.images_per_s:9.0f} {row.images_per_s_p10:8.0f} "
            f"{row.images_per_s_p90:8.0f} {row.cpu_ms:8.1f} {row.peak_mb:8.0f} "
            f"{100 * row.share_of_products:8.0f} %{cuda}"
        )
    yield f"times as fast, our trainer over the other (wanted, in its own precision: {WANTED:g})"
    judged: set[str] = set()
    for one in ratios:
        mark = "   " if one.comparison in judged else "ok " if one.times >= WANTED else "NOT"
        judged.add(one.comparison)
        yield (
            f"  {mark} {one.comparison} in {one.precision}, {one.rival}: {one.times:.2f} "
            f"({one.times_p10:.2f} to {one.times_p90:.2f}), by processor time {one.times_cpu:.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
