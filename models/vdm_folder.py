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

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from models.checkpoint import PICKLES
from models.errors import BadInput
from models.json_values import integer
from models.vdm import VDM
from models.vdm_config import PREDICTIONS, VDMConfig
from models.vdm_network import UNetDenoiser, check_unet, diffusers
from models.vdm_noise import Betas

WEIGHTS = "diffusion_pytorch_model"
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
        likelihood: How its pixels are read: a name in `vdm_likelihood.SEEN`.
        stops: T, spread over its timesteps; `VDM.with_stops` gives others.
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, cache_dir, …).

    Raises:
        BadInput: There is no such folder or id, the Hub is out of reach, the weights are a
            pickle, or something in the folder is not known here; the message names it.
    """
    folder = locate_ddpm(source, **hub)
    _check_index(folder)
    network, scheduler = _part(folder, "unet"), _part(folder, "scheduler")
    unet = _read_json(network / "config.json")
    _check_class(network / "config.json", unet, ("UNet2DModel",))
    unet = {k: v for k, v in unet.items() if not k.startswith("_")}
    settings = read_scheduler(_read_json(scheduler / "scheduler_config.json"))
    image_shape = _image_shape(unet)
    check_unet(unet, image_shape)
    config = VDMConfig(image_shape, likelihood, stops=stops, unet=unet, **settings)
    model = VDM(config, UNetDenoiser(_load_unet(network)))
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.requires_grad_(False).eval()


def locate_ddpm(source: str | Path, **hub: Any) -> Path:
    """The local folder: itself, or the snapshot of a Hub id."""
    folder = Path(source).expanduser()
    if folder.is_file():
        if folder.suffix.lower() in PICKLES:
            raise BadInput(
                f"'{folder}' is a pickle, which can run code when it is opened, so it is refused: "
                "give a diffusers folder whose weights are safetensors."
            )
        raise BadInput(f"'{folder}' is a file: give the diffusers folder that holds it.")
    if folder.is_dir():
        return folder
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", str(source)):
        return _snapshot(str(source), **hub)
    raise BadInput(f"there is no folder '{source}', and it is no Hub id of the form OWNER/NAME.")


def _snapshot(hub_id: str, **hub: Any) -> Path:
    """The local copy of a Hub repository; of its files only JSON and safetensors."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.safetensors"], **hub))
    except RepositoryNotFoundError as error:
        raise BadInput(
            f"'{hub_id}' is no local folder and not on the Hugging Face Hub, or it is private: "
            "check the name."
        ) from error
    except Exception as error:  # the Hub raises many kinds; few of them say more than these two
        cache = hub.get("cache_dir") or constants.HF_HUB_CACHE
        reason = " ".join(str(error).split())[:200]
        why = (
            "there is no network to reach the Hugging Face Hub"
            if isinstance(error, LocalEntryNotFoundError)
            else f"the Hugging Face Hub could not give it ({type(error).__name__}: {reason})"
        )
        raise BadInput(
            f"'{hub_id}' is no local folder, {why}, and there is no copy of it in the local "
            f"cache, {cache}: download it where there is a network and copy it there, or give a "
            "local folder."
        ) from error


def read_scheduler(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `VDMConfig` that a scheduler_config.json fixes.

    A DDIM scheduler has the noise levels of a DDPM's; it is read as the DDPM that its η = 1 is.

    Raises:
        BadInput: Its class, one of its keys or one of its values is not known here.
    """
    where = "scheduler_config.json"
    _check_class(Path(where), values, SCHEDULERS)
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


def _load_unet(folder: Path) -> torch.nn.Module:
    """The network with its weights, by diffusers' own reader, which knows their older names."""
    pickled = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in PICKLES)
    if not any(folder.glob(f"{WEIGHTS}*.safetensors")):
        found = (
            f"only a pickle ({pickled[0]}), which can run code when it is opened, so it is refused"
            if pickled
            else "none"
        )
        raise BadInput(
            f"'{folder}' has no weights in {WEIGHTS}.safetensors: {found}. Convert them with "
            "save_pretrained(…, safe_serialization=True), or take another model."
        )
    try:
        unet, told = diffusers().UNet2DModel.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True,
            torch_dtype=torch.float32, low_cpu_mem_usage=False,
        )  # fmt: skip
    except Exception as error:  # a foreign library and a foreign file: anything can happen
        reason = " ".join(str(error).split())[:300]
        raise BadInput(
            f"'{folder}': the weights cannot be read ({type(error).__name__}: {reason})."
        ) from error
    wrong = [f"{kind.split('_')[0]} {entry}" for kind in told for entry in list(told[kind])[:3]]
    if wrong:
        raise BadInput(f"'{folder}': the weights do not fit config.json: {', '.join(wrong)}.")
    broken = [name for name, value in unet.named_parameters() if not value.isfinite().all()]
    if broken:
        raise BadInput(f"'{folder}': {broken[0]} holds NaN or infinite weights.")
    return unet


def _check_index(folder: Path) -> None:
    """Refuse a pipeline of another kind, where the folder says which it is."""
    path = folder / "model_index.json"
    if not path.is_file():
        return
    index = _read_json(path)
    _check_class(path, index, PIPELINES)
    extra = [key for key in index if not key.startswith("_") and key not in ("unet", "scheduler")]
    if extra:
        raise BadInput(f"'{path}' has more parts than a network and a scheduler: {extra[0]}.")


def _check_class(path: Path, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    name = values.get("_class_name")
    if name not in known:
        raise BadInput(f"{path}: _class_name {name!r} is unknown: Strata reads {', '.join(known)}.")


def _part(folder: Path, name: str) -> Path:
    """Where a part is: its own folder, or the root as in the first folders on the Hub."""
    return folder / name if (folder / name).is_dir() else folder


def _image_shape(unet: Mapping[str, Any]) -> tuple[int, int, int]:
    size, channels = unet.get("sample_size"), unet.get("in_channels")
    height, width = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
    if type(height) is not int or type(width) is not int or height != width:
        raise BadInput(f"unet: sample_size {size!r} is no side of a square image.")
    if type(channels) is not int or channels not in (1, 3):
        raise BadInput(f"unet: in_channels {channels!r}: images have 1 or 3 channels.")
    return channels, height, width


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(
            f"'{path}' is missing: give a diffusers folder with unet/ and scheduler/."
        ) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"'{path}' cannot be read as JSON ({error}).") from error
    if not isinstance(value, dict):
        raise BadInput(f"'{path}' must hold a JSON object.")
    return value
