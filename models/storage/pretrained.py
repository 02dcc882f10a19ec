"""`from_pretrained`, `save_pretrained` and `push_to_hub` for our families.

The mixin's own loader passes missing weights silently and falls back to a pickle; ours goes through
`models.checkpoint.checkpoint`, which is strict and reads safetensors only. Its own saver removes
config.json before it writes the new one; ours changes the folder at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import PyTorchModelHubMixin

from models.errors import BadInput


class Pretrained(PyTorchModelHubMixin, library_name="strata"):
    """Mixed into every family."""

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
        model of another family. `Pretrained.from_pretrained` itself opens any."""
        from models.checkpoint.checkpoint import load_model, locate

        folder = locate(
            model_id, revision=revision, cache_dir=cache_dir, force_download=force_download,
            local_files_only=local_files_only, token=token,
        )  # fmt: skip
        model = load_model(folder)
        if not isinstance(model, cls):
            raise BadInput(
                f"'{model_id}' holds a model of the family {model.family}, and "
                f"{cls.__name__}.from_pretrained opens none but {cls.__name__}: use "
                f"{type(model).__name__}.from_pretrained, or Pretrained.from_pretrained, which "
                "opens every family."
            )
        return model.to(map_location)

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
        from models.checkpoint.checkpoint import save_model

        folder = Path(save_directory)
        save_model(folder, self)  # pyright: ignore[reportArgumentType]
        if not push_to_hub:
            return None
        for key in ("config", "model_card_kwargs"):
            push_to_hub_kwargs.pop(key, None)
        return self.push_to_hub(repo_id or folder.name, **push_to_hub_kwargs)
