"""The families of models that a checkpoint can hold: the only list of them.

A family is a class with a frozen config of its own, its `config_type`. The config gives `to_json()`
and a strict `from_json(dict)`; the class takes the config.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.base import HierarchicalModel, ModelConfig
from models.errors import BadInput
from models.families.autoencoder_kl.model import AutoencoderKL
from models.families.hvae.model import HVAE
from models.families.mhvae.model import MHVAE
from models.families.vdm.model import VDM

FAMILIES: Mapping[str, type[HierarchicalModel]] = {
    "MHVAE": MHVAE, "HVAE": HVAE, "VDM": VDM, "AutoencoderKL": AutoencoderKL,
}  # fmt: skip


def read_family(family: str, values: Mapping[str, Any]) -> ModelConfig:
    """The architecture of a family, from the keys of config.json that are its own.

    Raises:
        BadInput: The family is unknown, or a key is missing, unknown or of the wrong type.
    """
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise BadInput(f"config.json: family {family!r} is unknown; known: {known}.")
    return FAMILIES[family].config_type.from_json(values)


def new_model(family: str, config: ModelConfig) -> HierarchicalModel:
    """A model with fresh weights."""
    return FAMILIES[family](config)  # pyright: ignore[reportCallIssue]
