"""Files in the layout of `diffusers`, of a folder or a Hub id: JSON and safetensors, nothing else.

Whatever is not known here is refused by its name, and a pickle is never opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models.errors import BadInput
from models.stored import PICKLES
from models.vdm.network import diffusers

WEIGHTS = "diffusion_pytorch_model"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
JSON = ("*.json",)


def is_hub_id(source: str | Path) -> bool:
    """Whether a source is no file here and has the form OWNER/NAME."""
    return not Path(source).expanduser().exists() and HUB_ID.fullmatch(str(source)) is not None


def locate(source: str | Path, patterns: Sequence[str], **hub: Any) -> Path:
    """The local folder: itself, or the snapshot of a Hub id.

    Args:
        patterns: Which files of a Hub repository are fetched.
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, cache_dir, …).

    Raises:
        BadInput: There is no such folder or id, or the Hub is out of reach.
    """
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
    if is_hub_id(source):
        return snapshot(str(source), patterns, **hub)
    raise BadInput(f"there is no folder '{source}', and it is no Hub id of the form OWNER/NAME.")


def snapshot(hub_id: str, patterns: Sequence[str], **hub: Any) -> Path:
    """The local copy of those files of a Hub repository."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(patterns), **hub))
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


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a folder.

    Raises:
        BadInput: It is missing, cannot be read, or is no object.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"'{path}' is missing: give a whole diffusers folder.") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"'{path}' cannot be read as JSON ({error}).") from error
    if not isinstance(value, dict):
        raise BadInput(f"'{path}' must hold a JSON object.")
    return value


def check_class(path: Path, values: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse a `_class_name` that is none of these."""
    name = values.get("_class_name")
    if name not in known:
        raise BadInput(f"{path}: _class_name {name!r} is unknown: Strata reads {', '.join(known)}.")


def part(folder: Path, name: str) -> Path:
    """Where a part of a pipeline is: its own folder, or the root."""
    return folder / name if (folder / name).is_dir() else folder


def weights_files(folder: Path) -> list[Path]:
    """The weights of a network, sorted.

    Raises:
        BadInput: There are none, or only a pickle.
    """
    found = sorted(folder.glob(f"{WEIGHTS}.safetensors")) or sorted(
        folder.glob(f"{WEIGHTS}-*-of-*.safetensors")
    )
    if found:
        return found
    pickled = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in PICKLES)
    only = (
        f"only a pickle ({pickled[0]}), which can run code when it is opened, so it is refused"
        if pickled
        else "none"
    )
    raise BadInput(
        f"'{folder}' has no weights in {WEIGHTS}.safetensors: {only}. Convert them with "
        "save_pretrained(…, safe_serialization=True), or take another model."
    )


def sha256_of(files: Sequence[Path]) -> str:
    """The SHA-256 of a file, in hex; of several, that of their contents one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def load_network(class_name: str, folder: Path) -> torch.nn.Module:
    """A network with its weights, by diffusers' own reader, which knows their older names.

    Raises:
        BadInput: diffusers is missing, or the weights are a pickle, damaged, not those of
            config.json, or no finite numbers.
    """
    weights_files(folder)
    try:
        network, told = getattr(diffusers(), class_name).from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True,
            torch_dtype=torch.float32, low_cpu_mem_usage=False,
        )  # fmt: skip
    except BadInput:
        raise
    except Exception as error:  # a foreign library and a foreign file: anything can happen
        reason = " ".join(str(error).split())[:300]
        raise BadInput(
            f"'{folder}': the weights cannot be read ({type(error).__name__}: {reason})."
        ) from error
    wrong = [f"{kind.split('_')[0]} {entry}" for kind in told for entry in list(told[kind])[:3]]
    if wrong:
        raise BadInput(f"'{folder}': the weights do not fit config.json: {', '.join(wrong)}.")
    broken = [name for name, value in network.named_parameters() if not value.isfinite().all()]
    if broken:
        raise BadInput(f"'{folder}': {broken[0]} holds NaN or infinite weights.")
    return network
