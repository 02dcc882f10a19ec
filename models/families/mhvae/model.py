"""The Markovian hierarchical VAE, strictly Markov both ways (Luo 2022, section "MHVAE").

    p(x, z_1..z_T) = p(z_T) · Π_{t=2..T} p(z_{t-1} | z_t) · p(x | z_1)
    q(z_1..z_T | x) = q(z_1 | x) · Π_{t=2..T} q(z_t | z_{t-1})

With T = 1 it is the VAE. No network sees anything but the neighbouring level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, Level, bottom_up, evidence_of, gaussian, known
from models.errors import BadInput
from models.families.mhvae.networks import (
    NORMS,
    RESIZES,
    ConditionalGaussian,
    ConditionalImage,
    LinearGaussian,
    NetworkConfig,
)
from models.families.mhvae.units import Units
from models.likelihoods import LIKELIHOODS
from models.storage.json_values import check_keys, integer, integers
from models.storage.pretrained import Pretrained

MAX_LEVEL_SIZE = 1_000_000
# Keys of config.json that came later, with what a checkpoint from before them means.
LATER = {"fixed_top": 0.0, "unit_scale": False}
LATER_NETWORK = {"norm": "layer", "resize": "mean"}


@dataclass(frozen=True)
class MHVAEConfig:
    """All that fixes the architecture of an MHVAE.

    Args:
        image_shape: `(C, H, W)` of x, square, C = 1 or 3.
        likelihood: A name in `models.likelihoods.LIKELIHOODS`.
        levels: Event shapes of z_1 … z_T, bottom first: `(D,)` or `(C, H, W)`.
        network: Sizes of the networks.
        fixed_top: Share of the variance of q(z_T | z_{T-1}) that is signal, if the top of the
            encoder is fixed and linear Gaussian as in diffusion; 0 learns it.
        unit_scale: Whether z_1 … z_{T-1} have a scale of their own (`units.py`), as at the end
            of a training.

    Raises:
        BadInput: A field is out of range; the message names it.
    """

    image_shape: tuple[int, int, int]
    likelihood: str
    levels: tuple[tuple[int, ...], ...]
    network: NetworkConfig = field(default_factory=NetworkConfig)
    fixed_top: float = 0.0
    unit_scale: bool = False

    def __post_init__(self) -> None:
        check_image_shape(self.image_shape)
        if self.likelihood not in LIKELIHOODS:
            known = ", ".join(LIKELIHOODS)
            raise BadInput(f"likelihood '{self.likelihood}' is unknown: use one of {known}.")
        if not self.levels:
            raise BadInput(
                "levels is empty (T = 0): give at least one level, for instance 64,32,16."
            )
        for t, shape in enumerate(self.levels, start=1):
            check_level(t, shape, self.image_shape[1], bool(self.network.channels))
        check_network(self.network, self.image_shape[1])
        check_fixed_top(self.fixed_top, self.levels)

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.levels)

    @property
    def latents(self) -> tuple[Level, ...]:
        """The latents z_1 … z_T, bottom first."""
        return tuple(Level(t, shape) for t, shape in enumerate(self.levels, start=1))

    @property
    def side_step(self) -> int | None:
        """The pixels behind one position of the coarsest map; None where a level is a vector."""
        if not all(latent.is_spatial for latent in self.latents):
            return None
        return max(self.image_shape[1] // latent.shape[1] for latent in self.latents)

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MHVAEConfig:
        """The config that `to_json` wrote, after a round through JSON.

        Raises:
            BadInput: A key is missing, unknown or of the wrong type.
        """
        values = LATER | dict(values)
        check_keys("config.json", values, tuple(field.name for field in fields(cls)))
        if not isinstance(values["network"], dict):
            raise BadInput("config.json: network must be a JSON object.")
        network = LATER_NETWORK | values["network"]
        names = tuple(field.name for field in fields(NetworkConfig))
        check_keys("config.json, network", network, names)
        try:
            return cls(
                image_shape=integers(values["image_shape"]),  # pyright: ignore[reportArgumentType]
                likelihood=values["likelihood"],
                levels=tuple(integers(shape) for shape in values["levels"]),
                network=NetworkConfig(
                    width=integer(network["width"]),
                    blocks=integer(network["blocks"]),
                    channels=integers(network["channels"]),
                    patch=integer(network["patch"]),
                    norm=str(network["norm"]),
                    resize=str(network["resize"]),
                ),
                fixed_top=float(values["fixed_top"]),
                unit_scale=values["unit_scale"] is True,
            )
        except (TypeError, ValueError) as error:
            raise BadInput(f"config.json cannot be read: {error}") from error


def check_image_shape(shape: tuple[int, ...]) -> None:
    """Refuse an image shape that the networks cannot take."""
    if (
        len(shape) != 3
        or shape[0] not in (1, 3)
        or shape[1] != shape[2]
        or not 8 <= shape[1] <= 256
    ):
        raise BadInput(
            f"image_shape {list(shape)} cannot be used: give [channels, height, width] with "
            "1 or 3 channels and equal sides from 8 to 256."
        )


def check_level(t: int, shape: tuple[int, ...], image_side: int, convolutional: bool) -> None:
    """Refuse a level that is empty, too large, or spatial in a way no network can make."""
    if len(shape) not in (1, 3) or any(n < 1 for n in shape):
        raise BadInput(
            f"level z_{t} has shape {list(shape)}: every level needs a size of at least 1, "
            "written as 32 for a vector or 8x16x16 (channels x height x width) for a map."
        )
    if torch.Size(shape).numel() > MAX_LEVEL_SIZE:
        raise BadInput(f"level z_{t} has more than {MAX_LEVEL_SIZE:,} numbers: make it smaller.")
    if len(shape) == 3 and (shape[1] != shape[2] or shape[1] > image_side or not convolutional):
        raise BadInput(
            f"level z_{t} is a map {list(shape)}: it must be square, no larger than the image, "
            "and the model needs convolutions (give network channels, for instance 64,96,128)."
        )


def check_network(network: NetworkConfig, image_side: int) -> None:
    """Refuse network sizes that cannot be built."""
    sizes = {"width": network.width, "blocks": network.blocks, "patch": network.patch}
    for name, value in sizes.items():
        if not 1 <= value <= 4096:
            raise BadInput(f"network {name} is {value}: give a number from 1 to 4096.")
    if network.resize not in RESIZES:
        known = ", ".join(RESIZES)
        raise BadInput(f"network resize '{network.resize}' is unknown: use one of {known}.")
    if network.norm not in NORMS:
        raise BadInput(f"network norm '{network.norm}' is unknown: use one of {', '.join(NORMS)}.")
    if any(not 1 <= c <= 4096 for c in network.channels):
        raise BadInput(f"network channels {list(network.channels)}: each must be from 1 to 4096.")
    if network.channels and image_side % network.patch:
        raise BadInput(
            f"network patch {network.patch} does not divide the image side {image_side}: "
            "choose one that does, for instance 4 or 2."
        )


def check_fixed_top(signal: float, levels: tuple[tuple[int, ...], ...]) -> None:
    """Refuse a fixed top that is no share, or that has no level below of at least its size."""
    if not 0 <= signal < 1:
        raise BadInput(f"fixed_top is {signal}: give a share from 0 (learned) to below 1.")
    if signal and (len(levels) < 2 or len(levels[-1]) != 1 or levels[-1][0] > prod(levels[-2])):
        raise BadInput(
            f"fixed_top needs two levels, the top a vector no larger than the one below, not "
            f"{[list(level) for level in levels]}: change the levels, or set it to 0."
        )


class MHVAE(HierarchicalModel, Pretrained):
    """A strictly Markov hierarchy with networks of its own at every level."""

    family = "MHVAE"
    config: MHVAEConfig
    anchor: Tensor

    def __init__(self, config: MHVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.kind = "strictly Markov hierarchical VAE" if len(config.levels) > 1 else "VAE"
        self.image_shape = config.image_shape
        self.levels = config.latents
        self.likelihood_family = LIKELIHOODS[config.likelihood]
        self.likelihood_name = self.likelihood_family.name
        self.eight_bit = self.likelihood_family.eight_bit
        side, sizes = config.image_shape[1], config.network
        shapes = (config.image_shape, *config.levels)
        self.encoders = nn.ModuleList(
            ConditionalGaussian(shapes[t - 1], shapes[t], sizes, side)
            for t in bottom_up(self.depth - bool(config.fixed_top))
        )
        if config.fixed_top:
            size = shapes[self.depth][0]
            self.encoders.append(LinearGaussian(shapes[self.depth - 1], size, config.fixed_top))
        self.priors = nn.ModuleList(
            ConditionalGaussian(shapes[t + 1], shapes[t], sizes, side)
            for t in bottom_up(self.depth - 1)
        )
        self.decoder = ConditionalImage(
            shapes[1], config.image_shape, self.likelihood_family, sizes
        )
        self.units = Units(config.levels[:-1] if config.unit_scale else ())
        # Not saved: it only carries the device and the dtype of the fixed top prior.
        self.register_buffer("anchor", torch.zeros(()), persistent=False)

    @property
    def side_step(self) -> int | None:
        return self.config.side_step

    def at_side(self, side: int) -> MHVAE:
        own, step = self.image_shape[1], self.side_step
        if side == own:
            return self
        if step is None or side % step:
            allowed = f"its own side {own}" if step is None else f"multiples of {step}"
            raise BadInput(f"images of side {side}: this model takes {allowed} only.")
        shapes = (
            (shape[0], shape[1] * side // own, shape[2] * side // own)
            for shape in (self.config.image_shape, *self.config.levels)
        )
        image_shape, *levels = shapes
        config = replace(self.config, image_shape=image_shape, levels=tuple(levels))
        with torch.device("meta"):
            model = MHVAE(config)
        # No parameter knows a size in pixels, so the same tensors serve; assigned, not copied.
        model.load_state_dict(self.state_dict(), assign=True)
        model.anchor = self.anchor
        trainable = next(self.parameters()).requires_grad
        return model.train(self.training).requires_grad_(trainable)

    def as_seen(self, x: Tensor) -> Tensor:
        return self.likelihood_family.as_seen(x)

    def down_networks(self) -> tuple[tuple[nn.Module, Level], ...]:
        modules = (self.decoder, *self.priors)
        return tuple((modules[t - 1], self.level(t)) for t in bottom_up(self.depth))

    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | z_{t-1})."""
        if t == 1 and (shared := evidence_of(z)) is not None:
            return shared
        below = self.units.inward(t - 1, known(z, t - 1))
        # An image is centred, so that the first layer sees both signs.
        return self.units.outward(t, self.encoders[t - 1](2 * below - 1 if t == 1 else below))

    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | z_{t+1}), and N(0, I) at the top."""
        if t < self.depth:
            above = self.units.inward(t + 1, known(z, t + 1))
            return self.units.outward(t, self.priors[t - 1](above))
        shape = self.level(t).shape
        return gaussian(self.anchor.expand(shape), (self.anchor + 1).expand(shape), len(shape))

    def likelihood(self, z: Chain) -> Distribution:
        """p(x | z_1)."""
        return self.decoder(self.units.inward(1, known(z, 1)))


def in_units(model: MHVAE, stds: Sequence[Tensor]) -> MHVAE:
    """The same model with z_1 … z_{T-1} measured in units of about σ_t; no rate changes.

    Args:
        model: One without a scale of its own yet.
        stds: σ of the aggregate posterior of z_1 … z_T, each `(C,)`; the top's is not used.
    """
    if model.config.unit_scale:
        raise ValueError("only a model without units can be brought to units")
    scaled = MHVAE(replace(model.config, unit_scale=True)).to(model.anchor.device)
    own = {key: value for key, value in scaled.state_dict().items() if key.startswith("units.")}
    scaled.load_state_dict(own | model.state_dict())
    for t in bottom_up(model.depth - 1):
        scaled.units.set_scale(t, stds[t - 1].to(model.anchor.device))
    return scaled.train(model.training).requires_grad_(next(model.parameters()).requires_grad)
