"""Hyper-parameters of VDVAE: published names however spelled, and JSON that says what differs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import BadInput
from models.families.hvae.config import HVAEConfig
from models.families.hvae.hyper_parameters import PUBLISHED, HyperParameters, hyper_parameters
from tests.models.golden_vdvae import CONFIGS

LAYOUT = {"enc_blocks": "8x2,8d2,4x1,4d4,1x1", "dec_blocks": "1x1,4m1,4x1,8m4,8x1"}


def of(folder: Path, values: Any) -> HyperParameters:
    path = folder / "h.json"
    path.write_text(json.dumps(values))
    return hyper_parameters(str(path))


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        *((name, name) for name in PUBLISHED),
        ("ffhq_256", "ffhq256"), ("ffhq_1024", "ffhq1024"), ("FFHQ-256", "ffhq256"),
        ("i32", "imagenet32"), ("i64", "imagenet64"), ("CIFAR-10", "cifar10"),
        ("ImageNet_64", "imagenet64"),
    ],
)  # fmt: skip
def test_published_sets_are_known_by_all_their_names(spelled: str, name: str) -> None:
    assert hyper_parameters(spelled) == HyperParameters(PUBLISHED[name])


def test_json_says_what_differs_from_a_published_set(tmp_path: Path) -> None:
    found = of(tmp_path, {"hps": "i32", "width": 128, "lr": 0.1})
    assert found.config == replace(PUBLISHED["imagenet32"], width=128)
    assert found.by_default == () and found.note == ""
    assert of(tmp_path, {"hparam_sets": "ffhq256"}).config == PUBLISHED["ffhq256"]


def test_json_as_the_published_code_logs_it(tmp_path: Path) -> None:
    """Every name of hps.py; the constants of the input are those of its data set."""
    ffhq = PUBLISHED["ffhq256"]
    values = {
        "dataset": "ffhq_256", "image_size": 256, "image_channels": 3, "n_batch": 1, "lr": 0.00015,
        "enc_blocks": ffhq.enc_blocks, "dec_blocks": ffhq.dec_blocks, "restore_path": None,
        "width": 512, "zdim": 16, "num_mixtures": 10, "no_bias_above": 64, "custom_width_str": "",
        "bottleneck_multiple": 0.25, "ema_rate": 0.999, "test_eval": False, "seed": 0,
    }  # fmt: skip
    found = of(tmp_path, values)
    assert found.config == ffhq and found.by_default == ("likelihood", "bound_log_std")


def test_the_rest_has_the_defaults_of_the_published_code_and_is_told(tmp_path: Path) -> None:
    found = of(tmp_path, LAYOUT | {"width": 16})
    assert found.config == HVAEConfig((3, 8, 8), "logistic_mixture", *LAYOUT.values(), width=16)
    assert found.config.zdim == 16 and found.config.num_mixtures == 10
    assert "width" not in found.by_default and {"zdim", "shift"} <= set(found.by_default)
    assert "zdim 16" in found.note and "shift -0.5" in found.note
    assert of(tmp_path, LAYOUT).config.width == 512


def test_a_whole_configuration_is_taken_as_it_is(tmp_path: Path) -> None:
    assert of(tmp_path, asdict(CONFIGS["widths"])) == HyperParameters(CONFIGS["widths"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "must hold a JSON object"),
        ({"width": 3}, 'missing enc_blocks, dec_blocks: give the layouts, or in "hps"'),
        (LAYOUT | {"widht": 16}, r"unknown widht \(did you mean width\?\)"),
        (LAYOUT | {"enc_block": "8x2"}, r"unknown enc_block \(did you mean enc_blocks\?\)"),
        (LAYOUT | {"zzz": 1}, "unknown zzz; name what"),
        (LAYOUT | {"width": "16"}, "width: '16' should be a whole number"),
        ({"hps": "ffhq_25"}, r"hps 'ffhq_25' is unknown \(did you mean ffhq256\?\)"),
        (LAYOUT | {"dataset": "lsun"}, "dataset 'lsun' is unknown: give one of cifar10"),
    ],
)
def test_what_cannot_be_read_is_named(values: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        of(tmp_path, values)


def test_an_unknown_name_is_told_the_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cifar10, imagenet32, imagenet64, ffhq256, ffhq1024"):
        hyper_parameters("celeba")
    with pytest.raises(BadInput, match=r"did you mean cifar10\?"):
        hyper_parameters("cifar100")
    (tmp_path / "h.json").write_text("{")
    with pytest.raises(BadInput, match="not valid JSON"):
        hyper_parameters(str(tmp_path / "h.json"))
