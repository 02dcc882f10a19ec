"""What a class of the user's own has to give, tried by calling it (`models/sources/adapter.py`).

Every method is called once with two images, up the chain and down, so that what is wrong is said
by the name of the method, with what it gave and what it should give.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import HierarchicalModel, Walk, top_down
from models.errors import BadInput
from models.gaussians import by_coordinate

T = TypeVar("T")

PROBE = 2  # images that a class is tried with
OUTSIDE = 0.5  # a picture that reaches so far beyond [0, 1] is one of another scale
_log = logging.getLogger(__name__)


@torch.no_grad()
def check_model(model: HierarchicalModel, x: Tensor, name: str) -> None:
    """Go up and down the chain once with two images, checking every distribution on the way."""
    x = called(f"{name}.as_seen(x)", lambda: model.as_seen(x))
    if x.shape != (PROBE, *model.image_shape):
        raise BadInput(
            f"{name}.as_seen(x) has shape {tuple(x.shape)}, not {(PROBE, *model.image_shape)}."
        )
    z = Walk((x, *(None for _ in model.levels)))
    for t in model.inference_order():
        q = called(f"{name}.posterior({t}, z)", lambda t=t, z=z: model.posterior(t, z))
        gaussian = _gaussian(q, f"{name}.posterior({t}, z)", (PROBE,), model.level(t).shape)
        z = z.put(t, gaussian.mean)
    for t in top_down(model.depth):
        p = called(f"{name}.prior({t}, z)", lambda t=t: model.prior(t, z))
        event = model.level(t).shape
        # p(z_T) knows nothing of the images: it may be of none, of one, or of all of them.
        short = t == model.depth and isinstance(p, Distribution) and p.batch_shape in ((), (1,))
        batch = tuple(p.batch_shape) if short else (PROBE,)
        _gaussian(p, f"{name}.prior({t}, z)", batch, event)
    check_likelihood(model, called(f"{name}.likelihood(z)", lambda: model.likelihood(z)), x, name)


def check_likelihood(
    model: HierarchicalModel, likelihood: Distribution, x: Tensor, name: str
) -> None:
    """Its picture and its density; a density of real pixels makes the model `is_continuous`."""
    call = f"{name}.likelihood(z)"
    picture = called(f"{call}.mean", lambda: likelihood.mean)
    if picture.shape != x.shape:
        raise BadInput(f"{call}.mean has shape {tuple(picture.shape)}, not {tuple(x.shape)}.")
    _check_range(picture, call)
    if not model.has_likelihood:
        return
    found = called(f"{call}.log_prob(x)", lambda: likelihood.log_prob(x))
    if found.shape != (PROBE,):
        raise BadInput(
            f"{call}.log_prob(x) has shape {tuple(found.shape)}, not {(PROBE,)}: sum over the "
            "pixels, for instance with torch.distributions.Independent(…, 3)."
        )
    if _is_density(likelihood):
        note_density(model)


def note_density(model: HierarchicalModel) -> None:
    """Make a model `is_continuous`, which is no 8-bit one then.

    On its class, which comes from the user's file, so that its views at other sides are too.
    """
    vars(model).pop("eight_bit", None)
    type(model).is_continuous, type(model).eight_bit = True, False


def _check_range(picture: Tensor, call: str) -> None:
    """Refuse a picture far outside [0, 1], and say of one that is a little outside."""
    low, high = float(picture.min()), float(picture.max())
    if not bool(picture.isfinite().all()):
        raise BadInput(f"{call}.mean has pixels that are no numbers: is the model trained?")
    if low < -OUTSIDE or high > 1 + OUTSIDE:
        raise BadInput(
            f"{call}.mean has pixels from {low:.3g} to {high:.3g}, far outside [0, 1]: scale the "
            "picture, for instance (x + 1) / 2 from [−1, 1] or x / 255."
        )
    if low < -1e-6 or high > 1 + 1e-6:
        _log.warning(
            "%s.mean has pixels from %.3g to %.3g, a little outside [0, 1]: they are clipped where "
            "a picture is shown, and nowhere else", call, low, high,
        )  # fmt: skip


def _is_density(likelihood: Distribution) -> bool:
    """Whether it is one of real pixels, as far as its support is known."""
    try:
        support = likelihood.support
    except (NotImplementedError, AttributeError):
        return False  # a distribution of the user's own: `eight_bit` and `is_continuous` say it
    return support is not None and not support.is_discrete


def _gaussian(q: object, call: str, batch: tuple[int, ...], event: tuple[int, ...]) -> Distribution:
    """A Gaussian whose draws have the shape `(*batch, *event)`, its event a whole level."""
    if not isinstance(q, Distribution):
        raise BadInput(f"{call} gives {kind_of(q)}, not a torch.distributions value.")
    found, shape = tuple(q.batch_shape + q.event_shape), (*batch, *event)
    if found != shape:
        raise BadInput(f"{call} has shape {found}, not {shape}.")
    try:
        density = by_coordinate(q, q.mean)
    except (TypeError, NotImplementedError, RuntimeError) as error:
        raise BadInput(
            f"{call} is no diagonal Gaussian, but {kind_of(q)}: give models.base.gaussian(mean, "
            "std, dimensions), or of a vector a MultivariateNormal. What is no Gaussian keeps no "
            "noise under an edit: let the level be the Gaussian that it is made of."
        ) from error
    if len(q.event_shape) != len(event):
        raise BadInput(
            f"{call} sums over its last {len(q.event_shape)} dimensions, not over the "
            f"{len(event)} of the level: give models.base.gaussian(mean, std, {len(event)})."
        )
    if not bool(torch.isfinite(density).all()):
        raise BadInput(f"{call} has a density that is no number: is the deviation positive?")
    return q


def called(what: str, call: Callable[[], T]) -> T:
    """What a call gives; a fault in foreign code is told by the call that it is in."""
    try:
        return call()
    except Exception as error:
        raise BadInput(f"{what} fails with {said(error)}.") from error


def said(error: Exception) -> str:
    text = str(error).strip().split("\n")[0][:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def kind_of(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return f"a {type(value).__name__}"
