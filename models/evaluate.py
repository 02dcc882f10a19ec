"""Measure a checkpoint on test images: `python -m models.evaluate CHECKPOINT --data …`.

Every number is a function of (checkpoint, data, seed). Two measures of a level:

    active unit   a coordinate whose covariance over test images between two independent
                  means of 50 posterior draws exceeds 0.01 (after Burda et al. 2015, sec. 4.2,
                  with the noise of a single mean taken out); z_1 uses its exact mean;
                  a spatial level counts channels, averaged over positions
    reach         over the first 256 test images, on the mean path, the mean RMS change of the
                  picture between z_t − 2σ and z_t + 2σ, under `keep`, on the coordinate axis
                  where it is largest
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.atomic import plain, write_file
from models.base import HierarchicalModel, Trace, bottom_up
from models.card import model_card, nats
from models.chain import decode, draw_noise, encode
from models.checkpoint import load_checkpoint, pick_device, to_json, update_measures
from models.data import load_data
from models.errors import BadInput
from models.likelihoods import bits_per_dim
from models.objective import importance_weighted_bound, terms
from models.policy import KEEP
from models.statistics import LevelStatistics, level_statistics
from models.training import see, to_float

ACTIVE_THRESHOLD = 0.01
ACTIVE_DRAWS = 50
REACH_IMAGES = 256
REACH_SIGMA = 2.0


def seen_test_set(model: HierarchicalModel, images: np.ndarray, seed: int = 0) -> Tensor:
    """Test images as the model is scored on them, `(N, C, H, W)` on the CPU.

    A binary model's are binarised once, by `seed`: image i is the same however many are read.
    """
    return see(model, to_float(images), torch.Generator().manual_seed(seed))


def batches(x: Tensor, model: HierarchicalModel, size: int = 250) -> Iterator[Tensor]:
    """Slices of `x` on the model's device."""
    device = next(model.parameters()).device
    for start in range(0, len(x), size):
        yield x[start : start + size].to(device)


@torch.no_grad()
def mean_terms(
    model: HierarchicalModel, x: Tensor, draws: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Reconstruction `(N,)` and rate `(N, T)` of each image in nats, over `draws` draws."""
    generator = torch.Generator().manual_seed(seed)
    reconstructions, rates = [], []
    for batch in batches(x, model):
        parts = [
            terms(model, batch, draw_noise(model, len(batch), generator)) for _ in range(draws)
        ]
        reconstructions.append(torch.stack([p.reconstruction for p in parts]).mean(0))
        rates.append(torch.stack([p.rate for p in parts]).mean(0))
    return torch.cat(reconstructions).cpu(), torch.cat(rates).cpu()


@torch.no_grad()
def nll(
    model: HierarchicalModel, x: Tensor, samples: int, seed: int = 0, progress: bool = False
) -> Tensor:
    """−log p(x) of each image by the importance-weighted bound, `(N,)`, nats."""
    generator = torch.Generator().manual_seed(seed)
    bar = tqdm(total=len(x), desc=f"bound, K = {samples}", disable=not progress)
    found = []
    for batch in batches(x, model, size=20):
        found.append(-importance_weighted_bound(model, batch, samples, generator).cpu())
        bar.update(len(batch))
    bar.close()
    return torch.cat(found)


@torch.no_grad()
def posterior_means(
    model: HierarchicalModel, x: Tensor, draws: int, generator: torch.Generator
) -> list[Tensor]:
    """The mean of `draws` posterior draws of every level, `(N, *event)` each, z_1 first.

    z_1 is the exact mean of q(z_1 | x).
    """
    found: list[list[Tensor]] = [[] for _ in model.levels]
    for batch in batches(x, model):
        first = model.posterior(1, (batch,))
        found[0].append(first.mean.cpu())
        totals = [torch.zeros(())] * model.depth
        for _ in range(draws):
            eps = draw_noise(model, len(batch), generator)
            drawn = encode(model, batch, eps, first).z
            totals = [total + z.cpu() for total, z in zip(totals, drawn[1:], strict=True)]
        for level, total in zip(found[1:], totals[1:], strict=True):
            level.append(total / draws)
    return [torch.cat(parts) for parts in found]


def active_units(model: HierarchicalModel, x: Tensor, seed: int = 0) -> tuple[Tensor, ...]:
    """Whether each coordinate of z_1 … z_T is active, bool `(C,)` each."""
    generator = torch.Generator().manual_seed(seed)
    one = posterior_means(model, x, ACTIVE_DRAWS, generator)
    two = posterior_means(model, x, ACTIVE_DRAWS, generator)
    active = []
    for a, b in zip(one, two, strict=True):
        covariance = ((a - a.mean(0)) * (b - b.mean(0))).mean(0)
        active.append(covariance.flatten(1).mean(1) > ACTIVE_THRESHOLD if a.ndim > 2 else
                      covariance > ACTIVE_THRESHOLD)  # fmt: skip
    return tuple(active)


@torch.no_grad()
def reach(
    model: HierarchicalModel,
    x: Tensor,
    statistics: tuple[LevelStatistics, ...],
    count: int = REACH_IMAGES,
) -> tuple[float, ...]:
    """The reach of each level, z_1 first, in pixels of [0, 1], over the first `count` images."""
    trace = _joined([encode(model, b) for b in batches(x[:count], model)])
    keep = (KEEP,) * model.depth
    found = []
    for t in bottom_up(model.depth):
        level, spread = model.level(t), statistics[t - 1].std
        changes = []
        for channel in range(level.channels):
            delta = torch.zeros(level.shape, device=trace.z[0].device)
            delta[channel] = REACH_SIGMA * spread[channel]
            low, high = (
                model.likelihood(decode(model, trace, keep, {t: sign * delta})).mean
                for sign in (-1, 1)
            )
            changes.append(float((high - low).flatten(1).square().mean(1).sqrt().mean()))
        found.append(max(changes))
    return tuple(found)


def _joined(traces: list[Trace]) -> Trace:
    """One trace of several batches; decoding needs no posteriors."""
    entries = zip(*(trace.z for trace in traces), strict=True)
    z = tuple(torch.cat(parts) for parts in entries)
    return Trace(z)


@torch.no_grad()
def psnr(model: HierarchicalModel, x: Tensor) -> float:
    """Mean peak signal-to-noise ratio of the mean-path reconstruction, dB, pixels in [0, 1]."""
    found = []
    for batch in batches(x, model):
        picture = model.likelihood(encode(model, batch).z).mean
        error = (picture - batch).flatten(1).square().mean(1).clamp_min(1e-10)
        found.append(-10 * torch.log10(error))
    return float(torch.cat(found).mean())


def evaluate(
    model: HierarchicalModel,
    statistics: tuple[LevelStatistics, ...],
    images: np.ndarray,
    k: int = 0,
    limit: int | None = None,
    draws: int = 4,
    seed: int = 0,
    progress: bool = False,
    reach_images: int = REACH_IMAGES,
) -> dict[str, Any]:
    """All measures of a model on test images, uint8 `(N, H, W, C)`; lists run z_1 … z_T.

    Args:
        statistics: σ of the training set, for the reach, and the active units of these images.
        k: Samples of the importance-weighted bound; 0 leaves it out.
        limit: The bound is taken over the first so many images; the rest over all.
        draws: Draws per image behind the terms.
        reach_images: The reach is taken over the first so many.
    """
    x = seen_test_set(model, images, seed)
    reconstruction, rate = mean_terms(model, x, draws, seed)
    elbo = reconstruction - rate.sum(1)
    active = tuple(level.active for level in statistics)
    result: dict[str, Any] = {
        "elbo_nats": float(elbo.mean()),
        "elbo_standard_error": float(elbo.std() / len(elbo) ** 0.5),
        "reconstruction_nats": float(reconstruction.mean()),
        "rate_nats": rate.mean(0).tolist(),
        "active_units": [int(a.sum()) for a in active],
        "reach": list(reach(model, x, statistics, reach_images)),
        "n_images": len(x),
        "draws": draws,
        "seed": seed,
    }
    if model.eight_bit:
        result["bits_per_dim"] = bits_per_dim(-float(elbo.mean()), model.image_shape)
        result["psnr_db"] = psnr(model, x)
    if k:
        bounded = nll(model, x[:limit], k, seed, progress)
        result |= {
            "nll_nats": float(bounded.mean()),
            "nll_standard_error": float(bounded.std() / len(bounded) ** 0.5),
            "k": k,
            "nll_images": len(bounded),
        }
    return result


def table(result: dict[str, Any]) -> str:
    """The measures as lines a person reads."""
    lines = [f"−ELBO            {nats(-result['elbo_nats'])} nats"]
    if "bits_per_dim" in result:
        lines.append(f"bits per dim     {result['bits_per_dim']:.3f}")
    if "nll_nats" in result:
        lines.append(
            f"NLL (K = {result['k']:,})  {nats(result['nll_nats'])} ± "
            f"{result['nll_standard_error']:.2f} nats, {result['nll_images']:,} images"
        )
    lines.append(f"reconstruction   {nats(result['reconstruction_nats'])} nats")
    if "psnr_db" in result:
        lines.append(f"PSNR             {result['psnr_db']:.2f} dB")
    lines.append(f"images           {result['n_images']:,}")
    lines.append("level   rate (nats)   active units   reach")
    rows = zip(result["rate_nats"], result["active_units"], result["reach"], strict=True)
    for t, (rate, active, reached) in enumerate(rows, start=1):
        lines.append(f"z_{t:<5} {rate:>11.2f} {active:>14} {reached:>7.3f}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    parser.add_argument("checkpoint", help="a checkpoint folder or Hub id")
    parser.add_argument("--data", required=True, help="as for models.train; its test part is used")
    parser.add_argument("--k", type=int, default=50, help="samples of the bound; 0 leaves it out")
    parser.add_argument("--limit", type=int, default=1000, help="images for the bound")
    parser.add_argument("--draws", type=int, default=4, help="draws per image behind the terms")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (the printed digits), cuda, mps, auto")
    parser.add_argument("--json", type=Path, help="also write the measures to this file")
    parser.add_argument(
        "--write", action="store_true", help="also keep them in the checkpoint and its model card"
    )
    options = parser.parse_args(arguments)
    try:
        run(options)
    except (BadInput, OSError) as error:
        print(f"error: {plain(error)}", file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace) -> None:
    """Measure as the command line asks."""
    if options.k < 0 or options.draws < 1 or options.limit < 1:
        raise BadInput("--k must be at least 0, --draws and --limit at least 1.")
    checkpoint = load_checkpoint(options.checkpoint, pick_device(options.device))
    model = checkpoint.model
    channels, side, _ = model.image_shape
    data = load_data(options.data, image_size=side, channels=channels)
    images = data.test
    active = active_units(model, seen_test_set(model, images, options.seed), options.seed)
    if options.write:
        levels = level_statistics(model, data.train, active)
    else:
        stored = zip(checkpoint.statistics.levels, active, strict=True)
        levels = tuple(replace(level, active=found.cpu()) for level, found in stored)
    result = evaluate(
        model, levels, images, options.k, options.limit, options.draws, options.seed,
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    print(table(result))
    if options.json:
        write_file(options.json, to_json(result))
    if options.write:
        card = model_card(
            checkpoint.name, checkpoint.config, result, checkpoint.card, checkpoint.training
        )
        update_measures(
            checkpoint.path, replace(checkpoint.statistics, levels=levels), result, card
        )


if __name__ == "__main__":
    sys.exit(main())
