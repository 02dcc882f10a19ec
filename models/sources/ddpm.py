"""Published diffusion models as they are: a folder in the layout of `diffusers`, or a Hub id.

    model_index.json                                  which pipeline it is; may be missing
    unet/config.json                                  the network
    unet/diffusion_pytorch_model.safetensors          its weights
    scheduler/scheduler_config.json                   the noise schedule and how it is sampled

The first folders on the Hub have the last three at their root, and older names of the attention
weights; both load. Only JSON and safetensors are fetched and read. Whatever would change what a
model computes and is not known here is refused by its name: nothing is dropped silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from models.errors import BadInput
from models.families.vdm.config import PREDICTIONS, VDMConfig
from models.families.vdm.model import VDM
from models.families.vdm.network import UNetDenoiser, check_unet
from models.families.vdm.noise import Betas
from models.sources.published import locate
from models.storage.diffusers_files import (
    check_class,
    part,
    read_json,
    read_network,
    weights_files,
    with_weights,
)
from models.storage.json_values import integer

PIPELINES = ("DDPMPipeline", "DDIMPipeline")
SCHEDULERS = ("DDPMScheduler", "DDIMScheduler")
# diffusers samples "fixed_small_log" with the same standard deviation as "fixed_small".
VARIANCE_TYPES = {"fixed_small": "small", "fixed_small_log": "small", "fixed_large": "large"}
READ = {
    "num_train_timesteps": 1000,
    "beta_start": 1e-4,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "trained_betas": None,
    "variance_type": "fixed_small",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "prediction_type": "epsilon",
    "thresholding": False,
    "rescale_betas_zero_snr": False,
}  # with diffusers' defaults
# Which timesteps a sampler visits and in what containers; the model is the same for all of them.
NOT_OF_THE_MODEL = (
    "timestep_spacing", "steps_offset", "set_alpha_to_one", "dynamic_thresholding_ratio",
    "sample_max_value", "tensor_format", "timestep_values",
)  # fmt: skip


def load_ddpm(
    source: str | Path, likelihood: str = "discretised", stops: int = 10, **hub: Any
) -> VDM:
    """The model of a diffusers folder or of a Hub id, frozen and in evaluation mode.

    Args:
        source: A folder, or `OWNER/NAME` on the Hub.
        likelihood: How its pixels are read: a name in `vdm.likelihood.SEEN`.
        stops: T, spread by `Betas.stops`; `VDM.with_stops` gives others.
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, cache_dir, …).

    Raises:
        BadInput: There is no such folder or id, the Hub is out of reach, the weights are a
            pickle, or something in the folder is not known here; the message names it.
    """
    folder = locate(source, **hub)
    _check_index(folder)
    network, scheduler = with_weights(source, folder, "unet", **hub), part(folder, "scheduler")
    unet = read_json(network / "config.json")
    check_class(network / "config.json", unet, ("UNet2DModel",))
    unet = {k: v for k, v in unet.items() if not k.startswith("_")}
    settings = read_scheduler(read_json(scheduler / "scheduler_config.json"))
    image_shape = _image_shape(unet)
    check_unet(unet, image_shape)
    weights = read_network("UNet2DModel", unet, weights_files(network))
    chosen = settings["schedule"].stops(stops)
    config = VDMConfig(image_shape, likelihood, stops=chosen, unet=unet, **settings)
    model = VDM(config, UNetDenoiser(weights))
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.requires_grad_(False).eval()


def read_scheduler(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `VDMConfig` that a scheduler_config.json fixes.

    A DDIM scheduler has the noise levels of a DDPM's; it is read as the DDPM that its η = 1 is.

    Raises:
        BadInput: Its class, one of its keys or one of its values is not known here.
    """
    where = "scheduler_config.json"
    check_class(Path(where), values, SCHEDULERS)
    own = {key: value for key, value in values.items() if not key.startswith("_")}
    unknown = [key for key in own if key not in READ and key not in NOT_OF_THE_MODEL]
    if unknown:
        raise BadInput(
            f"{where}: {', '.join(unknown)} is not known here, and may change what the model "
            "computes; remove it, or update Strata."
        )
    own = READ | own
    for key, why in (
        ("trained_betas", "βs given one by one are not read, only those of a beta_schedule"),
        ("thresholding", "dynamic thresholding depends on the whole image and is no Gaussian step"),
        ("rescale_betas_zero_snr", "a last level without any signal has no finite γ"),
    ):
        if own[key]:
            raise BadInput(f"{where}: {key} is set, which Strata cannot honour: {why}.")
    if own["prediction_type"] not in PREDICTIONS:
        raise BadInput(
            f"{where}: prediction_type '{own['prediction_type']}' is unknown: "
            f"Strata reads {', '.join(PREDICTIONS)}."
        )
    if own["variance_type"] not in VARIANCE_TYPES:
        raise BadInput(
            f"{where}: variance_type '{own['variance_type']}' is not known here: "
            f"Strata reads {', '.join(VARIANCE_TYPES)}."
        )
    try:
        return {
            "schedule": Betas(
                str(own["beta_schedule"]), float(own["beta_start"]), float(own["beta_end"]),
                integer(own["num_train_timesteps"]),
            ),
            "prediction": own["prediction_type"],
            "clip": float(own["clip_sample_range"]) if own["clip_sample"] else None,
            "variance": VARIANCE_TYPES[own["variance_type"]],
        }  # fmt: skip
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: {error}") from error


def _check_index(folder: Path) -> None:
    """Refuse a pipeline of another kind, where the folder says which it is."""
    path = folder / "model_index.json"
    if not path.is_file():
        return
    index = read_json(path)
    check_class(path, index, PIPELINES)
    extra = [key for key in index if not key.startswith("_") and key not in ("unet", "scheduler")]
    if extra:
        raise BadInput(f"'{path}' has more parts than a network and a scheduler: {extra[0]}.")


def _image_shape(unet: Mapping[str, Any]) -> tuple[int, int, int]:
    size, channels = unet.get("sample_size"), unet.get("in_channels")
    height, width = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
    if type(height) is not int or type(width) is not int or height != width:
        raise BadInput(f"unet: sample_size {size!r} is no side of a square image.")
    if type(channels) is not int or channels not in (1, 3):
        raise BadInput(f"unet: in_channels {channels!r}: images have 1 or 3 channels.")
    return channels, height, width
