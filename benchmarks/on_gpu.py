"""What only a real GPU can tell, in under 8 minutes and without a network: `scripts/on_gpu`.

    tests     tests/devices/test_families.py on the device itself: every family, all that it does
    agree     the bundled models against the CPU: traces, terms and pictures, within bounds
    compile   pictures of `--compile` (CUDA graphs on a GPU) against those of the plain networks
    speed     frames a second under a drag of the top level; training images a second

A row with a bound fails above it; the others are only told. One table is printed and kept as
JSON (--json); the exit status is 1 if anything fails.

    trace      largest difference of a z_t on the mean path, in σ of the aggregate posterior
    terms      of the ELBO, nats: the same draws, whose noise comes from the CPU on every device
    picture    largest difference of a pixel, in steps of 1/255
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.variants import Runner, Variant, shipped
from explorer.library.ready import prepare
from explorer.render.encode import as_model_sees, encode_image
from explorer.render.frame import picture
from explorer.terms.terms import image_terms
from models.chain import draw_noise
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint, pick_device
from models.errors import BadInput
from models.families.registry import new_model
from models.objective import terms
from models.precision import exact, quick
from models.training.asked import wants_bf16
from models.training.loop import TrainState, train
from models.training.schedule import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/devices/test_families.py"
TESTS_S = 240  # at most, so that all of it stays under 8 minutes
MODELS = tuple(sorted(path.parent.name for path in ROOT.glob("checkpoints/*/config.json")))
TRAINED, ONE = ("digits", "avatars", "digits-hvae", "digits-vdm"), ("digits",)
TRACE_SIGMA, ELBO_SHARE, ELBO_NATS = 1e-2, 2e-5, 0.02
EXACT_STEPS, TF32_STEPS = 1.0, 3.0  # of 255, in a picture
BATCH, PICTURES, DRAWS = 128, 256, 4


@dataclass(frozen=True)
class Row:
    """One measure.

    Args:
        part: What it belongs to; see the module's text.
        what: What was measured, of which model.
        value: In `unit`.
        bound: The largest value that is right; None where there is none.
    """

    part: str
    what: str
    value: float
    unit: str
    bound: float | None = None

    @property
    def ok(self) -> bool:
        return self.bound is None or self.value <= self.bound


def tests(device: str, chosen: str | None) -> Iterator[Row]:
    """The tests of the emulated devices on the real one.

    Args:
        chosen: pytest's -k; None runs all.
    """
    command = [sys.executable, "-m", "pytest", TESTS, *(["-k", chosen] if chosen else [])]
    environment = os.environ | {"STRATA_DEVICE": device}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TESTS_S
        )
        said, status = done.stdout, done.returncode
        print("\n".join(re.findall(r"^(?:FAILED|ERROR) .*", said, re.MULTILINE)) or done.stderr)
    except subprocess.TimeoutExpired:
        said, status = "", 1
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|errors?)", said)}
    yield Row("tests", "passed", counts.pop("passed", 0), "tests")
    yield Row("tests", "failed, or pytest itself", max(sum(counts.values()), status), "tests", 0)


def agree(name: str, device: str, images: int) -> Iterator[Row]:
    """One bundled model on the device against the same on the CPU."""
    ours, theirs = (load_checkpoint(ROOT / "checkpoints" / name, d) for d in (device, "cpu"))
    with torch.inference_mode():
        found = [compared(ours, theirs, pixels) for pixels in theirs.examples[:images]]
    # A NaN stays one, and no bound lets it through.
    trace, full, drawn, nats, elbo, moved = (float(value) for value in np.max(found, axis=0))
    yield Row("agree", f"{name}: trace", trace, "σ", TRACE_SIGMA)
    yield Row("agree", f"{name}: terms", nats, "nats", ELBO_NATS + ELBO_SHARE * elbo)
    yield Row("agree", f"{name}: picture in full precision", full, "/255", EXACT_STEPS)
    yield Row("agree", f"{name}: picture in TF32, as drawn", drawn, "/255", TF32_STEPS)
    yield Row("agree", f"{name}: what TF32 would move the ELBO by", moved, "nats")


def compared(ours: Checkpoint, theirs: Checkpoint, pixels: np.ndarray) -> tuple[float, ...]:
    """Differences at one image: of the trace in σ, of the picture in full precision and in TF32
    in steps of 255, of the ELBO in nats; the ELBO's size; what TF32 would move it by."""
    trace, wanted = encode_image(ours, pixels), encode_image(theirs, pixels)
    apart = []
    for t, level in enumerate(theirs.model.levels, start=1):
        sigma = level.over(theirs.statistics.levels[t - 1].std.clamp_min(1e-3))
        apart.append(float(((trace.z[t].cpu() - wanted.z[t]).abs() / sigma).max()))
    known, steps = picture(theirs.model, wanted.z).pixels.astype(float), []
    for precision in (exact, quick):
        with precision():
            mean = ours.model.likelihood(trace.z).mean
        drawn = np.moveaxis(255 * mean[0].cpu().numpy(), 0, -1).round()
        steps.append(float(np.abs(drawn - known).max()))
    elbos = [image_terms(c, pixels, DRAWS).elbo_nats or 0.0 for c in (ours, theirs)]
    nats = abs(elbos[0] - elbos[1])
    return float(np.max(apart)), *steps, nats, abs(elbos[1]), moved_by_tf32(ours, pixels)


def moved_by_tf32(checkpoint: Checkpoint, pixels: np.ndarray) -> float:
    """The difference of one draw of the ELBO with TF32 from that without, in nats."""
    model = checkpoint.model
    if not model.has_likelihood:
        return 0.0
    x = as_model_sees(model, pixels)
    eps = draw_noise(model, 1, torch.Generator().manual_seed(0))
    found = []
    for precision in (exact, quick):
        with precision():
            found.append(float(terms(model, x, eps).elbo))
    return abs(found[0] - found[1])


def speed(name: str, device: str, compile: bool, decodes: int) -> Iterator[Row]:
    """Frames a second, plain and with `--compile`, whose pictures are compared."""
    checkpoint = load_checkpoint(ROOT / "checkpoints" / name, device)
    top = checkpoint.model.depth
    variants = [Variant("plain", shipped)]
    if compile and checkpoint.model.down_networks():
        variants.append(Variant("--compile", prepare))
    pictures = []
    for variant in variants:
        runner = Runner(checkpoint, variant)
        with runner.settings():
            times = [runner.decode_ms(top) for _ in range(decodes)]
            pictures.append(runner.pictures(1, (-2.0, 2.0)))
        what = f"{name}: frames, {variant.name}"
        yield Row("speed", what, 1000 / median(times[decodes // 4 :]), "frames/s")
    for compiled in pictures[1:]:
        difference = 255 * float((compiled - pictures[0]).abs().max())
        yield Row("compile", f"{name}: picture", difference, "/255", TF32_STEPS)


def training(name: str, device: str, seconds: float, batch: int = BATCH) -> Iterator[Row]:
    """Images a second that a fresh model of a bundled one's architecture is trained on."""
    model = load_checkpoint(ROOT / "checkpoints" / name).model
    channels, side, _ = model.image_shape
    images = np.random.default_rng(0).integers(
        0, 256, (PICTURES, side, side, channels), dtype=np.uint8
    )
    base = TrainConfig(steps=100_000, batch_size=batch, bf16=False)
    ways = {"float32": base, "TF32": replace(base, tf32=True)}
    if wants_bf16("auto", torch.device(device)):
        ways["bfloat16"] = replace(base, bf16=True)
    for way, config in ways.items():
        fresh = new_model(model.family, model.config).to(device)
        steps = train(TrainState(fresh, config), images, config)
        for _ in range(2):
            next(steps)  # the first ones are slower
        started, done = time.perf_counter(), 0
        while done < 2 or time.perf_counter() - started < seconds:
            next(steps)
            done += 1
        rate = batch * done / (time.perf_counter() - started)
        yield Row("speed", f"{name}: training, {way}", rate, "images/s")


def rows(device: str, is_quick: bool) -> Iterator[Row]:
    """All of it; `is_quick` is a trial of the command itself."""
    models, trained = (ONE, ONE) if is_quick else (MODELS, TRAINED)
    yield from tests(device, "mlp-models" if is_quick else None)
    for name in models:
        yield from agree(name, device, images=1 if is_quick else 4)
        yield from speed(name, device, not is_quick, decodes=4 if is_quick else 100)
    for name in trained:
        seconds, batch = (0.0, 8) if is_quick else (4.0, BATCH)
        yield from training(name, device, seconds, batch)


def table(found: Sequence[Row]) -> str:
    """Everything as plain text."""
    lines = [f"{'':8s}{'':46s}{'value':>12s}  {'':9s}{'bound':>10s}"]
    for row in found:
        bound = "" if row.bound is None else f"{row.bound:10.4g}"
        said = "" if row.ok else "  FAILS"
        lines.append(
            f"{row.part:8s}{row.what:46s}{row.value:12.4g}  {row.unit:9s}{bound:>10s}{said}"
        )
    return "\n".join(lines)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/on_gpu", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--device", default="cuda", help="cuda, mps or cpu (default: cuda)")
    parser.add_argument("--json", type=Path, default=Path("on_gpu.json"), help="the file to keep")
    parser.add_argument("--quick", action="store_true", help="one model and a few steps: a trial")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        device = str(pick_device(options.device))
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    started = time.perf_counter()
    found = list(rows(device, options.quick))
    passed = all(row.ok for row in found)
    named = torch.cuda.get_device_name() if device == "cuda" else device
    result = {
        "device": named, "torch": torch.__version__, "quick": options.quick, "passed": passed,
        "seconds": round(time.perf_counter() - started, 1),
        "rows": [asdict(row) | {"ok": row.ok} for row in found],
    }  # fmt: skip
    options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(f"{named}, torch {torch.__version__}, {result['seconds']} s\n{table(found)}")
    print("all within bounds" if passed else "FAILED: see above")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
