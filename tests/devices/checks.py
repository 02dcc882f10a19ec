"""What is asked of a model on a device: each check gives numbers, the same on every device."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explorer.axes import all_axes
from explorer.chains import Chains
from explorer.recipe import Edit, zero_recipe
from explorer.render import ladder, render, sample_frame
from explorer.stores import image_hash
from explorer.terms import encode_image, image_terms
from models.base import HierarchicalModel, Stepwise, encode
from models.chain import draw_noise, with_own_noise
from models.checkpoint import Checkpoint
from models.data import Data
from models.evaluation.measures import seen_test_set
from models.evaluation.suite import Asked, measure
from models.measured import Effort, measured
from models.objective import (
    both_forms,
    estimate,
    importance_weighted_bound,
    is_reversible,
    log_weight,
    terms,
)
from models.policy import MEAN, Policy
from models.report.page import write_report
from models.statistics import std_along
from models.training.loop import TrainState, to_float, train
from models.training.run import RunFiles, Spent, load_state, preview, save_state
from models.training.schedule import TrainConfig
from tests.devices.small import images_for

Numbers = list[np.ndarray]
DRAWS = 2
FEW = Effort(draws=DRAWS, batch=8, counts_units=False)
CARD: dict[str, Any] = {"title": "noise", "source": "noise", "sha256": "0" * 64}


def plain(tensors: Iterable[Tensor]) -> Numbers:
    """Tensors of any device as arrays."""
    return [tensor.detach().cpu().numpy() for tensor in tensors]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def seen(model: HierarchicalModel) -> Tensor:
    """Two images as the model sees them, on its device."""
    images = to_float(images_for(model, 2)).to(model.like.device)
    return model.as_seen(images)


def checkpoint_of(model: HierarchicalModel) -> Checkpoint:
    """The model, measured where it is."""
    return measured("small", Path("small"), model, images_for(model), CARD, "0" * 16, FEW)


@torch.no_grad()
def encoding(model: HierarchicalModel) -> Numbers:
    """The mean path, a draw, and the trace that is edited, with its own noise."""
    x = seen(model)
    traces = [encode(model, x), encode(model, x, draw_noise(model, 2, seeded()))]
    edited = with_own_noise(model, model.embed(x[:1]))
    return plain([*(z for trace in traces for z in trace.z), *edited.z, *edited.own])


@torch.no_grad()
def objective(model: HierarchicalModel) -> Numbers:
    """The terms in every form, and the importance-weighted bound."""
    x, eps = seen(model), draw_noise(model, 2, seeded())
    found = [terms(model, x, eps), estimate(model, x, seeded())]
    if is_reversible(model):
        found += both_forms(model, x, eps)
    weights = [log_weight(model, x, eps), importance_weighted_bound(model, x, 5, seeded(), rows=4)]
    return plain([part for one in found for part in (one.reconstruction, one.rate)] + weights)


def recipes(model: HierarchicalModel) -> list[TrainConfig]:
    """Every way to train that the family takes."""
    base = TrainConfig(steps=2, batch_size=4, warmup_steps=0, bf16=False, clip_norm=1e-3)
    bits = (0.5,) * model.depth
    found = [replace(base, free_bits=bits, bf16=True)]
    if not isinstance(model, Stepwise):
        found.append(replace(base, rate_targets=bits, tf32=True))
    if not isinstance(model, Stepwise) and not model.infers_top_down:
        found += [replace(base, samples=2, weighted_from=0.0), replace(base, greedy=0.9)]
    return found


def training(model: HierarchicalModel, folder: Path) -> Numbers:
    """A step, saved and taken up again, one more, and the preview."""
    images, found = images_for(model), []
    for config in recipes(model):
        fresh = copy.deepcopy(model).requires_grad_(True)
        state = TrainState(fresh, config)
        records = train(state, images, config)
        found.append(next(records))
        files = RunFiles(folder)
        files.folder.mkdir(exist_ok=True, parents=True)
        save_state(files, state, Spent())
        again = TrainState(copy.deepcopy(model).requires_grad_(True), config)
        load_state(files, again)
        assert again.step == 1
        found += train(again, images, config)
    picture = Image.open(io.BytesIO(preview(state.ema, images)))
    return [
        *(np.array([r.elbo_nats, r.reconstruction_nats, *r.rate_nats]) for r in found),
        np.asarray(picture),
    ]


def statistics(model: HierarchicalModel) -> Numbers:
    """All that is measured of a model when it is opened, and σ along any direction."""
    checkpoint = checkpoint_of(model)
    if model.local_count:
        size = model.level(1).shape
        along = torch.eye(model.level(1).size)[:2].view(2, *size).to(model.like.device)
        extra = [std_along(model, checkpoint.statistics, 1, along)]
    else:
        extra = []
    tensors = checkpoint.statistics.to_tensors()
    return plain([tensors[key].float() for key in sorted(tensors)] + extra)


def evaluation(model: HierarchicalModel) -> Numbers:
    """All measures of a checkpoint, and the report of them."""
    images = images_for(model)
    data = Data(images, images[:5], CARD, {})
    asked = Asked(k=(1, 5), deep=0, draws=DRAWS, samples=6)
    checkpoint = checkpoint_of(model)
    found = measure(checkpoint, data, asked, renew=True)
    assert b"<svg" in write_report(checkpoint, data, found)
    return [np.array(list(numbers_in(found.result)))]


def numbers_in(value: Any) -> Iterable[float]:
    """All numbers of a result, in its order."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from numbers_in(value[key])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, int | float):
        yield float(value)


@torch.inference_mode()
def drawing(model: HierarchicalModel) -> Numbers:
    """Pictures under edits and policies, the ladder, a sample."""
    checkpoint, image = checkpoint_of(model), images_for(model)[0]
    trace = with_own_noise(model, encode_image(checkpoint, image))
    plain_recipe = zero_recipe(checkpoint.hash, image_hash(image), model.depth)
    frames = []
    for axes in all_axes(model, checkpoint.statistics):
        edited = plain_recipe.with_edit(Edit(axes.level, "component", 0, 1.5))
        edited = edited.with_edit(Edit(axes.level, "coordinate", 0, -1.0))
        frames.append(render(model, trace, edited, checkpoint.statistics))
        kinds = [MEAN, Policy("resample", 3), Policy("memory", 3, 0.5)]
        kinds += [Policy("pin")] if model.is_markov else []
        for policy in kinds:
            chosen = edited.with_policy(axes.level, policy)
            frames.append(render(model, trace, chosen, checkpoint.statistics))
    rungs = ladder(model, trace, edited, checkpoint.statistics, Chains())
    frames += [rung.frame for rung in rungs] + [sample_frame(model, 5)]
    return [frame.pixels.astype(float) for frame in frames]


@torch.inference_mode()
def page_terms(model: HierarchicalModel) -> Numbers:
    """The terms of an image as the page shows them."""
    found = image_terms(checkpoint_of(model), images_for(model)[0], draws=3)
    if found.elbo_nats is None:
        return [np.array([found.psnr_db])]
    assert found.rate_nats is not None and found.errors is not None
    return [np.array([found.elbo_nats, *found.rate_nats, found.percentile, found.errors.elbo_nats])]


def local(model: HierarchicalModel) -> Numbers:
    """The axes found at an image, and a picture moved along one."""
    checkpoint, image = checkpoint_of(model), images_for(model)[0]
    with torch.inference_mode():
        trace, chains = encode_image(checkpoint, image), Chains()
        recipe = zero_recipe(checkpoint.hash, image_hash(image), model.depth)
        found = chains.local(model, trace, recipe, checkpoint.statistics, 2)
        edited = recipe.with_edit(Edit(2, "local", 0, 2.0))
        frame = render(model, trace, edited, checkpoint.statistics, chains)
    return [found.rms.numpy(), frame.pixels.astype(float)]


CHECKS: Mapping[str, Callable[..., Numbers]] = {
    "encoding": encoding,
    "objective": objective,
    "training": training,
    "statistics": statistics,
    "evaluation": evaluation,
    "drawing": drawing,
    "page terms": page_terms,
    "local axes": local,
}


def applies(check: str, model: HierarchicalModel) -> bool:
    """Whether a model has what is asked: a likelihood, or axes found at an image."""
    if check == "local axes":
        return bool(model.local_count)
    return model.has_likelihood or check not in ("objective", "training", "evaluation")
