"""Files in the layout of `diffusers`, of a folder or a Hub id: JSON and safetensors, nothing else.

Whatever is not known here is refused by its name, and a pickle is never opened.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import torch
from safetensors import safe_open

from models.errors import BadInput
from models.storage.variants import WEIGHTS, Weights, choose_weights

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
JSON = ("*.json",)
_log = logging.getLogger(__name__)


def is_hub_id(source: str | Path) -> bool:
    """Whether a source is no file here and has the form OWNER/NAME."""
    return not Path(source).expanduser().exists() and HUB_ID.fullmatch(str(source)) is not None


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


def with_weights(source: str | Path, folder: Path, name: str, **hub: Any) -> Path:
    """The local folder of a network with its weights: `name` in a pipeline, or the root.

    Of a Hub repository, whose JSON is there already, the weights that are read are fetched and no
    other variant of them, nor any other part.

    Args:
        source: As for `locate`, which gave the folder.
        name: "unet" or "vae".
        hub: As for `locate`.
    """
    place = f"{name}/" if part(folder, name) != folder else ""
    if is_hub_id(source):
        inside = [file.removeprefix(place) for file in hub_files(str(source), folder, **hub)
                  if file.startswith(place)]  # fmt: skip
        chosen = choose_weights(f"{source}/{place}".rstrip("/"), inside).names
        folder = snapshot(str(source), (*JSON, *(place + file for file in chosen)), **hub)
    return part(folder, name)


def hub_files(hub_id: str, cached: Path, **hub: Any) -> list[str]:
    """The paths of a Hub repository; out of its reach, those that the local cache has."""
    from huggingface_hub import HfApi, constants

    if not (hub.get("local_files_only") or constants.HF_HUB_OFFLINE):
        try:
            listed = HfApi(token=hub.get("token")).list_repo_files
            return listed(hub_id, revision=hub.get("revision"))
        except Exception as error:  # as in `snapshot`: of many kinds, and the cache may do
            _log.info("the files of %s cannot be listed: %s", hub_id, error)
    return [path.relative_to(cached).as_posix() for path in cached.rglob("*") if path.is_file()]


def weights_of(folder: Path) -> Weights:
    """The weights of a local folder; BadInput as `choose_weights`."""
    return choose_weights(str(folder), (path.name for path in folder.iterdir()))


def weights_files(folder: Path) -> list[Path]:
    """Their paths."""
    return [folder / name for name in weights_of(folder).names]


def sha256_of(files: Sequence[Path]) -> str:
    """The SHA-256 of a file, in hex; of several, that of their contents one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def read_network(
    class_name: str, config: Mapping[str, Any], files: Sequence[Path]
) -> torch.nn.Module:
    """A network with its weights, by diffusers' own reader, which knows their older names.

    Raises:
        BadInput: diffusers is missing, or the weights are a pickle, damaged, not those of
            config.json, or no finite numbers.
    """
    where, kind = files[0].parent, getattr(diffusers(), class_name)
    try:
        with _under_plain_names(config, files) as folder:
            network, told = kind.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True,
                torch_dtype=torch.float32, low_cpu_mem_usage=False,
            )  # fmt: skip
    except Exception as error:  # a foreign library and a foreign file: anything can happen
        reason = " ".join(str(error).split())[:300]
        raise BadInput(
            f"'{where}': the weights cannot be read ({type(error).__name__}: {reason})."
        ) from error
    wrong = [f"{kind.split('_')[0]} {entry}" for kind in told for entry in list(told[kind])[:3]]
    if wrong:
        raise BadInput(f"'{where}': the weights do not fit config.json: {', '.join(wrong)}.")
    broken = [name for name, value in network.named_parameters() if not value.isfinite().all()]
    if broken:
        raise BadInput(f"'{where}': {broken[0]} holds NaN or infinite weights.")
    return network


@contextmanager
def _under_plain_names(config: Mapping[str, Any], files: Sequence[Path]) -> Iterator[Path]:
    """A folder for a while in which the files have the names that diffusers reads by default.

    Its own reader of variants wants an index beside shards, and fails on paths with a dot where
    their names are of the older form (`model-00001-of-00002.fp16.safetensors`).
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(config))
        if len(files) == 1:
            _link(files[0], folder / f"{WEIGHTS}.safetensors")
        else:
            places = {}
            for path in files:
                _link(path, folder / path.name)
                with safe_open(path, "pt") as shard:
                    places |= dict.fromkeys(shard.keys(), path.name)
            index = {"metadata": {}, "weight_map": places}
            (folder / f"{WEIGHTS}.safetensors.index.json").write_text(json.dumps(index))
        yield folder


def _link(path: Path, to: Path) -> None:
    """The same file under another name; a copy where links are not allowed."""
    try:
        to.symlink_to(path.resolve())
    except OSError:
        shutil.copyfile(path, to)


def diffusers() -> ModuleType:
    """The package, or BadInput that says how to get it."""
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise BadInput(
            "this model needs the package diffusers - run `pip install diffusers`"
        ) from error
