"""`from_pretrained`, `save_pretrained` and `push_to_hub` for our families.

The mixin's own loader passes missing weights silently and falls back to a pickle; ours goes through
`models/storage/model_folder.py`, which is strict and reads safetensors only. Its own saver removes
config.json before it writes the new one; ours changes the folder at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from huggingface_hub import PyTorchModelHubMixin

from models.base import HierarchicalModel
from models.errors import BadInput
from models.storage.locate import locate
from models.storage.model_folder import BARE, architecture_of, open_stored, save_model
from models.storage.weights import load_weights


class Pretrained(PyTorchModelHubMixin, library_name="strata"):
    """Mixed into every family, which is a `HierarchicalModel`."""

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        map_location: str = "cpu",
        **_model_kwargs: Any,
    ) -> Any:
        """The frozen model in a folder or of a Hub id; BadInput names what does not fit, also a
        model of another family."""
        folder = locate(
            model_id, revision=revision, cache_dir=cache_dir, force_download=force_download,
            local_files_only=local_files_only, token=token,
        )  # fmt: skip
        stored, own = open_stored(folder, BARE), cast(type[HierarchicalModel], cls)
        config = stored.config()
        if config["family"] != own.family:
            raise BadInput(
                f"'{model_id}' holds a model of the family {config['family']}, and "
                f"{cls.__name__}.from_pretrained opens none but {own.family}: use "
                f"{config['family']}.from_pretrained, or models.checkpoint.checkpoint.load_model, "
                "which opens every family."
            )
        model = own(own.config_type.from_json(architecture_of(config)))
        return load_weights(model, stored.tensors("model.safetensors")).to(map_location)

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Write config.json and model.safetensors, both or neither.

        Returns:
            The address of the commit if it was pushed.
        """
        folder = Path(save_directory)
        save_model(folder, self)  # pyright: ignore[reportArgumentType]
        if not push_to_hub:
            return None
        for key in ("config", "model_card_kwargs"):
            push_to_hub_kwargs.pop(key, None)
        return self.push_to_hub(repo_id or folder.name, **push_to_hub_kwargs)
