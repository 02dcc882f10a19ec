"""All that fixes the architecture of a general HVAE, read strictly and checked at the edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from models.base import Level, bottom_up, top_down
from models.errors import BadInput
from models.families.hvae.blocks import BlockSpec, parse_blocks, parse_widths
from models.families.hvae.mixtures import BITS
from models.likelihoods import LIKELIHOODS
from models.storage.json_values import check_keys, flag, integer, integers, number, text

MIXTURE = "logistic_mixture"
MAX_SIDE, MAX_WIDTH, MAX_SHARE = 1024, 4096, 4


@dataclass(frozen=True)
class HVAEConfig:
    """All that fixes the architecture of a general HVAE.

    Args:
        image_shape: `(C, H, W)` of x, square, C = 1 or 3.
        likelihood: "logistic_mixture" (`models/families/hvae/mixtures.py`), or a name in
            `models.likelihoods.LIKELIHOODS`.
        enc_blocks: The encoder's layout, from the image down (`models/families/hvae/blocks.py`).
        dec_blocks: The decoder's layout, from the top down; each block holds one latent.
        width: Channels of the maps, at the image's side and wherever `custom_width_str` is silent.
        zdim: Channels of every latent.
        custom_width_str: Channels at some sides, "64:512,32:256".
        bottleneck_multiple: Channels inside a block, as a share of those outside.
        no_bias_above: The largest side at which the map starts from a learned one, not from zero.
        num_mixtures: Logistic distributions in the mixture.
        pixel_bits: Bits of a pixel that the mixture scores: 8, or the 5 upper ones.
        shift: The encoder reads (x + shift)·scale, with x in [0, 1].
        scale: See `shift`.
        bound_log_std: Whether log σ of q and p is kept in (−7, 3), smoothly
            (`models.gaussians.bounded_log_std`); the published models do not.

    Raises:
        BadInput: A field is out of range, or the layouts do not fit; the message says which.
    """

    image_shape: tuple[int, int, int]
    likelihood: str
    enc_blocks: str
    dec_blocks: str
    width: int
    zdim: int = 16
    custom_width_str: str = ""
    bottleneck_multiple: float = 0.25
    no_bias_above: int = 64
    num_mixtures: int = 10
    pixel_bits: int = 8
    shift: float = -0.5
    scale: float = 2.0
    bound_log_std: bool = False

    def __post_init__(self) -> None:
        self._check_image()
        self._check_sizes()
        check_encoder(self.encoder_specs, self.image_side, self.widths)
        check_decoder(self.decoder_specs, self.image_side, self.encoder_sides)

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.decoder_specs)

    @property
    def latents(self) -> tuple[Level, ...]:
        """The latents z_1 … z_T, bottom first; z_T is that of the decoder's first block."""
        specs = self.decoder_specs
        sides = {t: spec.side for t, spec in zip(top_down(len(specs)), specs, strict=True)}
        return tuple(Level(t, (self.zdim, sides[t], sides[t])) for t in bottom_up(len(specs)))

    @property
    def side_step(self) -> None:
        """It takes images of its own side only."""
        return None

    @property
    def image_side(self) -> int:
        return self.image_shape[1]

    @property
    def encoder_specs(self) -> tuple[BlockSpec, ...]:
        """The encoder's blocks, from the image down."""
        return parse_blocks(self.enc_blocks, "d")

    @property
    def decoder_specs(self) -> tuple[BlockSpec, ...]:
        """The decoder's blocks, z_T first."""
        return parse_blocks(self.dec_blocks, "m")

    @property
    def encoder_sides(self) -> frozenset[int]:
        """The sides at which the encoder gives activations."""
        specs = self.encoder_specs
        shrunk = (spec.side // spec.other for spec in specs if spec.other)
        return frozenset((self.image_side, *(spec.side for spec in specs), *shrunk))

    @property
    def widths(self) -> dict[int, int]:
        """Channels of the maps, at every side that occurs."""
        custom = parse_widths(self.custom_width_str)
        sides = self.encoder_sides | {spec.side for spec in self.decoder_specs}
        return {side: custom.get(side, self.width) for side in sorted(sides)}

    def inner_width(self, side: int) -> int:
        """Channels inside the blocks at a side."""
        return max(1, int(self.widths[side] * self.bottleneck_multiple))

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> HVAEConfig:
        """The config that `to_json` wrote, after a round through JSON.

        Raises:
            BadInput: A key is missing, unknown or of the wrong type; the message names it.
        """
        check_keys("the configuration of an HVAE", values, tuple(f.name for f in fields(cls)))
        read, wrong = {}, []
        for name, reader in READERS.items():
            try:
                read[name] = reader(values[name])
            except (TypeError, OverflowError) as error:
                wrong.append(f"{name}: {error}")
        if wrong:
            raise BadInput(f"the configuration of an HVAE: {'; '.join(wrong)}.")
        return cls(**read)

    def _check_image(self) -> None:
        shape = self.image_shape
        if len(shape) != 3 or shape[0] not in (1, 3) or not 1 <= shape[1] == shape[2] <= MAX_SIDE:
            raise BadInput(
                f"image_shape {list(shape)} cannot be used: give [channels, height, width] with "
                f"1 or 3 channels and equal sides up to {MAX_SIDE}."
            )
        if self.likelihood not in (MIXTURE, *LIKELIHOODS):
            known = ", ".join((MIXTURE, *LIKELIHOODS))
            raise BadInput(f"likelihood '{self.likelihood}' is unknown: use one of {known}.")
        if self.likelihood == MIXTURE and shape[0] != 3:
            raise BadInput(
                f"likelihood '{MIXTURE}' is for colour images (3 channels): use "
                f"{' or '.join(LIKELIHOODS)} for grey ones."
            )
        if self.pixel_bits not in BITS or (self.pixel_bits != 8 and self.likelihood != MIXTURE):
            raise BadInput(
                f"pixel_bits {self.pixel_bits} with likelihood '{self.likelihood}': give 8, or 5 "
                f"with '{MIXTURE}'."
            )

    def _check_sizes(self) -> None:
        for name, low in (("width", 1), ("zdim", 1), ("num_mixtures", 1), ("no_bias_above", 0)):
            value = getattr(self, name)
            if not low <= value <= MAX_WIDTH:
                raise BadInput(f"{name} is {value}: give a number from {low} to {MAX_WIDTH}.")
        if any(width > MAX_WIDTH for width in self.widths.values()):
            raise BadInput(f"custom_width_str '{self.custom_width_str}': at most {MAX_WIDTH} each.")
        if self.widths[self.image_side] != self.width:
            raise BadInput(
                f"custom_width_str gives the image's side {self.image_side} other channels than "
                f"width {self.width}: leave that side out."
            )
        share, narrowest = self.bottleneck_multiple, min(self.widths.values())
        if not 1 / narrowest <= share <= MAX_SHARE:
            raise BadInput(
                f"bottleneck_multiple is {share}: give a share up to {MAX_SHARE} that leaves 1 or "
                f"more of {narrowest} channels."
            )
        if not (math.isfinite(self.shift) and math.isfinite(self.scale) and self.scale):
            raise BadInput(
                f"shift {self.shift}, scale {self.scale}: give finite numbers, scale ≠ 0."
            )


def check_encoder(specs: tuple[BlockSpec, ...], image_side: int, widths: Mapping[int, int]) -> None:
    """Refuse encoder blocks that do not follow on one another from the image down."""
    side = image_side
    for at, spec in enumerate(specs, start=1):
        where = f"enc_blocks, block {at} (side {spec.side})"
        if spec.side != side:
            raise BadInput(f"{where}: the map that reaches it has side {side}; make them agree.")
        if spec.other and (side % spec.other or spec.other == 1):
            raise BadInput(
                f"{where}: {spec.other} is no factor to shrink {side} by; use a divisor."
            )
        after = side // (spec.other or 1)
        if widths[after] < widths[side]:
            raise BadInput(
                f"{where}: the maps of side {after} have {widths[after]} channels, fewer than the "
                f"{widths[side]} that come in; widths may only grow on the way down to side 1."
            )
        side = after


def check_decoder(
    specs: tuple[BlockSpec, ...], image_side: int, encoder_sides: frozenset[int]
) -> None:
    """Refuse decoder blocks that lack an input, or that do not end at the image's side.

    A map that is mixed in is never too narrow: the encoder's widths only shrink towards the image.
    """
    reached: set[int] = set()
    for at, spec in enumerate(specs, start=1):
        where = f"dec_blocks, block {at} (side {spec.side})"
        if spec.side not in encoder_sides:
            raise BadInput(f"{where}: the encoder has no map of this side; add it to enc_blocks.")
        if spec.other and (
            spec.other not in reached or spec.side % spec.other or spec.side == spec.other
        ):
            raise BadInput(
                f"{where}: it cannot mix in side {spec.other}; give the side of an earlier block "
                f"that divides {spec.side}."
            )
        reached.add(spec.side)
    if specs[-1].side != image_side:
        raise BadInput(
            f"dec_blocks ends at side {specs[-1].side}: its last block must be at the image's "
            f"side {image_side}."
        )


READERS: Mapping[str, Callable[[Any], Any]] = {
    "image_shape": integers, "likelihood": text, "enc_blocks": text, "dec_blocks": text,
    "width": integer, "zdim": integer, "custom_width_str": text, "bottleneck_multiple": number,
    "no_bias_above": integer, "num_mixtures": integer, "pixel_bits": integer, "shift": number,
    "scale": number, "bound_log_std": flag,
}  # fmt: skip
