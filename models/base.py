"""What every family of hierarchical VAE has in common.

Notation: z_0 is the image x, z_1 … z_T are the latents, z_T is the top. A chain is a
tuple `z` of T + 1 entries with `z[t]` = z_t; an entry not known yet is None.
`bottom_up` and `top_down` are the only two ways to walk it.

    family   p(z_t | …) sees    q(z_t | …) sees    inferred      p(x | …) sees
    Markov   z_{t+1}            z_{t−1}            bottom up     z_1
    general  z_{t+1} … z_T      x, z_{t+1} … z_T   top down      z_1 … z_T

Nothing above `models/` asks which family a model is of: it asks for what is declared here.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any, ClassVar, Protocol, Self, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.errors import BadInput
from models.gaussians import draw
from models.gaussians import gaussian as gaussian  # for classes of one's own (docs/adapter.md)
from models.likelihoods import on_grid, thresholded
from models.seeds import normal

Chain = tuple[Tensor | None, ...]
Noise = tuple[Tensor, ...]  # eps at its subscripts; entry 0 is empty


class Walk(tuple[Tensor | None, ...]):
    """A chain that is being walked: its entries, and what a family has worked out from them.

    Attributes:
        evidence: What the posteriors read of z_0 alone (`HierarchicalModel.evidence`), where it
            was worked out beforehand; else None.
        memory: Shared by all walks that come from one another by `put`. A family may keep here
            what saves time and changes no bit, and has to check that it still holds.
    """

    evidence: Any = None
    memory: dict[str, Any]

    def __new__(cls, entries: Iterable[Tensor | None], evidence: Any = None) -> Walk:
        chain = super().__new__(cls, entries)
        chain.evidence = evidence
        chain.memory = {}
        return chain

    def put(self, t: int, value: Tensor) -> Walk:
        """The same chain with z_t = `value`."""
        chain = Walk((*self[:t], value, *self[t + 1 :]), self.evidence if t else None)
        chain.memory = self.memory
        return chain


def bottom_up(depth: int) -> Iterable[int]:
    """The levels 1, 2, …, T: the order of inference in a Markov chain."""
    return range(1, depth + 1)


def top_down(depth: int) -> Iterable[int]:
    """The levels T, …, 2, 1: the order of generation."""
    return range(depth, 0, -1)


@dataclass(frozen=True)
class Level:
    """One latent z_t.

    Args:
        index: The subscript t, from 1.
        shape: The event shape, `(D,)` for a vector or `(C, H, W)` for a spatial latent.
    """

    index: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of scalars in z_t."""
        return prod(self.shape)

    @property
    def channels(self) -> int:
        """Number of coordinates a person can name: D, or C of a spatial latent."""
        return self.shape[0]

    @property
    def is_spatial(self) -> bool:
        return len(self.shape) > 1

    def over(self, values: Tensor) -> Tensor:
        """One value a coordinate, `(C,)`, broadcastable over z_t: a channel's at every place."""
        return values.reshape(self.channels, *(1 for _ in self.shape[1:]))


@dataclass(frozen=True, eq=False)
class Fields:
    """Fixed directions over a whole latent, where its coordinates mean nothing to a person.

    Args:
        directions: Unit directions, `(K, *event)`.
        names: What each is called.
    """

    directions: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LocalAxes:
    """The small steps of a latent that move the picture most, at one point of it.

    The leading singular triples of the Jacobian of the picture that is expected there.

    Args:
        directions: Unit directions of z_t, `(K, *event)`, orthogonal, the strongest first.
        responses: What the picture does along each, as unit directions, `(K, C, H, W)`.
        gains: The singular values, `(K,)`: the length of the response to a unit step, in pixels
            from 0 to 1.
    """

    directions: Tensor
    responses: Tensor
    gains: Tensor


@dataclass(frozen=True)
class Trace:
    """An image encoded at every level.

    Args:
        z: The chain z_0 … z_T, each entry with shape `(B, *event)`.
        posteriors: q(z_1 | …) … q(z_T | …), bottom first; read them with `q`.
        own: The image's own detail ε_1 … ε_T at its subscripts, where it was worked out
            (`models.chain.with_own_noise`); else empty.
        priors: p(z_1 | …) … p(z_T | …), bottom first, where they came up on the way, as they
            do in inference from the top; else empty. `models.chain.prior_of` reads them.
    """

    z: tuple[Tensor, ...]
    posteriors: tuple[Distribution, ...] = ()
    own: Noise = ()
    priors: tuple[Distribution, ...] = ()

    @property
    def depth(self) -> int:
        return len(self.z) - 1

    def q(self, t: int) -> Distribution:
        """q(z_t | …), by its subscript."""
        return self.posteriors[t - 1]


def evidence_of(z: Chain) -> Any:
    """The evidence that a walk carries; None of a plain tuple, or where none was worked out."""
    return z.evidence if isinstance(z, Walk) else None


def known(z: Chain, t: int) -> Tensor:
    """The entry z_t of a chain that has come as far as t."""
    entry = z[t]
    if entry is None:
        raise ValueError(f"z_{t} was read before the chain reached it")
    return entry


class ModelConfig(Protocol):
    """All that fixes the architecture of a model, as a frozen value.

    What can be told of a model before it is built is told here, and the model takes it from here.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of x."""
        ...

    @property
    def depth(self) -> int:
        """The number of levels T."""
        ...

    @property
    def latents(self) -> tuple[Level, ...]:
        """The latents z_1 … z_T, bottom first."""
        ...

    @property
    def side_step(self) -> int | None:
        """Image sides that the model takes are the multiples of this; None: its own side only."""
        ...

    def to_json(self) -> dict[str, object]: ...

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self: ...


@runtime_checkable
class Stepwise(Protocol):
    """A family whose training step estimates the terms from a part of its levels."""

    def draw_step(self, batch: int, generator: torch.Generator | None) -> Noise:
        """What a step draws, each `(B, *)`, on the model's device from the CPU's generator."""
        ...

    def step_terms(self, x: Tensor, eps: Noise) -> Any:
        """`models.objective.Terms` whose means over batches are those of the bound."""
        ...


class HierarchicalModel(nn.Module, abc.ABC):
    """The interface that the objective, the evaluation and the explorer use, and nothing else.

    Attributes:
        family: What people call it: "MHVAE", "HVAE", "VDM", …
        kind: What it is, after "a": "strictly Markov hierarchical VAE".
        likelihood_name: What p(x | …) is, as a title: "Bernoulli", "Discretised logistic".
        config_type: The class of its config; a family has one, a class of one's own needs none.
        config: All that fixes its architecture.
        image_shape: `(C, H, W)` of x; pixels are floats in [0, 1].
        levels: The latents z_1 … z_T, bottom first.
        eight_bit: Whether x has 256 values a pixel, so that bits per dimension apply;
            otherwise x is binary, or real.
        is_continuous: Whether p(x | …) is a density of real pixels, whatever `eight_bit` says: its
            nats may be below zero, bits per dimension mean nothing, and nothing is binarised.
        is_markov: Whether z_{t−1} given z_t depends on nothing above it, so that a pinned level
            cuts off those above it.
        infers_top_down: Whether q(z_t | …) reads x and z_{t+1} … z_T rather than z_{t−1}.
        local_count: How many directions `local_axes` finds at an image; 0 where it finds none.
        needs_free_bits: Whether levels die in a plain training; free bits are then the default.
        has_likelihood: Whether it has a p(x | …) of its own; if not, no term in nats is shown.
    """

    family: str = "own"
    kind: str = "hierarchical VAE"
    likelihood_name: str = "Its own"
    config_type: ClassVar[type[ModelConfig]]
    config: Any  # of that type
    image_shape: tuple[int, int, int]
    levels: tuple[Level, ...]
    eight_bit: bool
    is_continuous: bool = False
    is_markov: bool = True
    infers_top_down: bool = False
    local_count: int = 0
    needs_free_bits: bool = True
    has_likelihood: bool = True

    def inference_order(self) -> Iterable[int]:
        """The levels in the order in which they are inferred."""
        return top_down(self.depth) if self.infers_top_down else bottom_up(self.depth)

    def evidence(self, x: Tensor) -> Any:
        """What the posteriors read of x alone, worked out once for many draws of one image.

        q(z_1 | x) where inference goes bottom up. A `Walk` that carries it saves the model from
        working it out again; `repeated` lays it out for a batch of K draws.
        """
        return None if self.infers_top_down else self.posterior(1, (x,))

    def embed(self, x: Tensor, eps: Noise | None = None) -> Trace:
        """The trace of an image that the explorer edits: by default the mean path.

        Args:
            x: The image as the model sees it, with shape `(B, C, H, W)`.
            eps: Noise by subscript, each `(B, *event)`, for a posterior sample instead.
        """
        return encode(self, x, eps)

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.levels)

    @property
    def like(self) -> Tensor:
        """A tensor with the model's device and dtype: a parameter, or a buffer if it has none."""
        return next(chain(self.parameters(), self.buffers()))

    @property
    def pixel_kind(self) -> str:
        """What a pixel of x is: "8-bit", "binary" or "continuous"."""
        if self.is_continuous:
            return "continuous"
        return "8-bit" if self.eight_bit else "binary"

    def level(self, t: int) -> Level:
        """The level z_t, by its subscript."""
        return self.levels[t - 1]

    @property
    def side_step(self) -> int | None:
        """Image sides that the model takes are the multiples of this; None: its own side only."""
        return None

    def fields(self, t: int) -> Fields | None:
        """The directions that z_t is moved along in place of principal components of channels."""
        return None

    def local_axes(self, t: int, z_t: Tensor) -> LocalAxes:
        """The `local_count` directions that move the picture most at one image's own z_t.

        Args:
            t: The level.
            z_t: With shape `(1, *event)`.
        """
        raise NotImplementedError(f"{self.family} finds no local axes")

    def at_side(self, side: int) -> HierarchicalModel:
        """The same model, over the same parameters, for images of another side.

        Args:
            side: In pixels; a multiple of `side_step`, or the model's own side.

        Raises:
            BadInput: The model does not take images of that side.
        """
        if side == self.image_shape[1]:
            return self
        raise BadInput(
            f"the model takes images of side {self.image_shape[1]} only, not {side}: "
            "a fully convolutional one, with maps at every level, takes others."
        )

    def in_units(self, stds: Callable[[], Sequence[Tensor]]) -> HierarchicalModel:
        """The same model with its latents in units of about σ, where their scale is free.

        Args:
            stds: σ of the aggregate posterior of z_1 … z_T, each `(C,)`; asked for only where a
                scale is free.
        """
        return self

    def down_networks(self) -> tuple[tuple[nn.Module, Level], ...]:
        """The modules that decoding goes through, each with the level that it reads alone.

        The attribute `network` of each maps z_t to what the module needs, so that it can be
        replaced by a faster twin. None where a model is not made so.
        """
        return ()

    def as_seen(self, x: Tensor) -> Tensor:
        """The image as the model sees it, `(B, C, H, W)`: binary, of 256 values, or as it is.

        Args:
            x: Pixels in [0, 1], the same shape, on the model's device.
        """
        seen = {"binary": thresholded, "8-bit": on_grid}.get(self.pixel_kind)
        return x if seen is None else seen(x)

    @abc.abstractmethod
    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | …) with shape `(B, *event)`, given the entries of `z` that come before z_t in
        the order of inference."""

    @abc.abstractmethod
    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | …) given the entries of `z` above t; p(z_T) may be unbatched."""

    def reverse_posterior(self, t: int, x: Tensor, z: Chain) -> Distribution | None:
        """q(z_t | z_{t+1}, x), and q(z_T | x) at the top, where it is known in closed form.

        With it the bound has a second form: rate_t = E KL(q(z_t|z_{t+1}, x) ‖ p(z_t|z_{t+1})).
        """
        return None

    @abc.abstractmethod
    def likelihood(self, z: Chain) -> Distribution:
        """p(x | …) with shape `(B, C, H, W)`; its `mean` is the picture, in [0, 1]
        (of a continuous one a little outside, and clipped where it is shown)."""


def encode(
    model: HierarchicalModel, x: Tensor, eps: Noise | None = None, evidence: Any = None
) -> Trace:
    """The trace of an image, by the order of inference.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(B, *event)`; without it the mean path is taken,
            where z_t is the mean of q(z_t | …).
        evidence: `model.evidence(x)` where it is known already, which no draw changes.
    """
    z = Walk((x, *(None for _ in model.levels)), evidence)
    if evidence is None:
        z.evidence = model.evidence(x)
    posteriors, priors = {}, {}
    for t in model.inference_order():
        q = posteriors[t] = model.posterior(t, z)
        if model.infers_top_down:  # all that p(z_t | …) depends on is there
            priors[t] = model.prior(t, z)
        z = z.put(t, q.mean if eps is None else draw(q, eps[t]))
    levels = bottom_up(model.depth)
    return Trace(
        cast(tuple[Tensor, ...], z),
        tuple(posteriors[t] for t in levels),
        priors=tuple(priors[t] for t in levels if t in priors),
    )


def noise(seed: int, level: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise that is a function of (seed, level) alone.

    Drawn on the CPU so that every device shows the same picture.
    """
    return normal(shape, "resample", seed, level)
