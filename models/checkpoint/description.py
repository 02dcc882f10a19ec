"""What can be told of a model before it is built: of a checkpoint folder, by its files alone.

The folder is read as `load_checkpoint` reads it, and what that refuses is refused in the same
words, with two exceptions: weights that are whole but do not fit the architecture, and examples
that are no picture of its images, are found out when it is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.base import Level
from models.checkpoint.checkpoint import Checkpoint, parse_config
from models.checkpoint.measures import FILE, read_measures
from models.checkpoint.statistics import read_statistics
from models.storage.model_folder import open_stored
from models.storage.weights import weights_hash


@dataclass(frozen=True)
class Description:
    """What can be told of a model before it is built.

    Args:
        name: What it is called.
        family: What people call its family, as "MHVAE".
        image_shape: `(C, H, W)` of x.
        levels: The latents z_1 … z_T, bottom first.
        side_step: As `HierarchicalModel.side_step`.
        hash: As `Checkpoint.hash`.
    """

    name: str
    family: str
    image_shape: tuple[int, int, int]
    levels: tuple[Level, ...]
    side_step: int | None
    hash: str

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.levels)


def describe(folder: Path) -> Description:
    """What a checkpoint folder tells of its model.

    Raises:
        BadInput: It is incomplete, not measured yet, of another format, or one of its files is
            damaged; the message names what is wrong.
    """
    stored = open_stored(folder)
    config = stored.config()
    stored.check_measured(config)
    stored.check_whole("model.safetensors")
    architecture = parse_config(config)
    read_statistics(stored, architecture.latents)
    read_measures(stored.json(FILE), f"the checkpoint '{stored.folder}': {FILE}")
    stored.content("examples.png")
    return Description(
        name=str(config["name"]),
        family=config["family"],
        image_shape=architecture.image_shape,
        levels=architecture.latents,
        side_step=architecture.side_step,
        hash=weights_hash(stored.content("model.safetensors")),
    )


def description_of(checkpoint: Checkpoint) -> Description:
    """The same of a model that is loaded."""
    model = checkpoint.model
    return Description(
        name=checkpoint.name,
        family=model.family,
        image_shape=model.image_shape,
        levels=model.levels,
        side_step=model.side_step,
        hash=checkpoint.hash,
    )
