"""What a folder tells of its model without building it is what the built model says."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.checkpoint.checkpoint import load_checkpoint
from models.checkpoint.description import describe, description_of
from models.families.registry import FAMILIES
from models.sources.open_any import describe_any
from tests.models.saved import SMALL, save_small
from tests.running import ROOT

BUNDLED = sorted(path for path in (ROOT / "checkpoints").iterdir() if path.is_dir())


@pytest.mark.parametrize("which", SMALL)
def test_of_every_family_it_is_that_of_the_loaded_model(which: str, tmp_path: Path) -> None:
    folder = save_small(tmp_path, which)
    loaded = load_checkpoint(folder)
    found = describe(folder)
    assert found == description_of(loaded) == describe_any(folder)
    assert (found.name, found.family) == (which, SMALL[which][0])
    model, config = loaded.model, loaded.model.config
    assert config.image_shape == found.image_shape and config.depth == found.depth == model.depth


def test_every_family_is_there() -> None:
    assert {family for family, _ in SMALL.values()} == set(FAMILIES)


@pytest.mark.parametrize("folder", BUNDLED, ids=lambda path: path.name)
def test_of_every_bundled_model_too(folder: Path) -> None:
    assert describe(folder) == description_of(load_checkpoint(folder))


def test_what_some_of_them_tell(tmp_path: Path) -> None:
    """By hand, so that both sides cannot be wrong together."""
    maps = describe(save_small(tmp_path, "maps"))
    assert maps.image_shape == (3, 16, 16) and maps.side_step == 8
    assert [level.shape for level in maps.levels] == [(4, 8, 8), (3, 2, 2)]
    assert [level.index for level in maps.levels] == [1, 2]
    assert describe(save_small(tmp_path, "map-and-vector")).side_step is None
    general = describe(save_small(tmp_path, "general"))
    assert [level.shape[1] for level in general.levels] == [8, 8, 4, 1, 1]
    assert general.side_step is None
    diffusion = describe(save_small(tmp_path, "chosen-stops"))
    assert [level.shape for level in diffusion.levels] == [(1, 8, 8)] * 4
    autoencoder = describe(save_small(tmp_path, "autoencoder"))
    assert (autoencoder.levels[0].shape, autoencoder.side_step) == ((2, 4, 4), 4)
