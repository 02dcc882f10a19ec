"""Published checkpoints become models: names and shapes to the letter, and nothing else read."""

from __future__ import annotations

import gzip
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.base import encode
from models.convert.command import main
from models.convert.vdvae import check_tensors, converted
from models.errors import BadInput
from models.families.hvae import hyper_parameters
from models.families.hvae.hyper_parameters import PUBLISHED
from models.families.hvae.model import HVAE
from tests.models.golden_vdvae import CONFIGS, golden_model, golden_noise, images, weights

SHAPES = json.loads(gzip.decompress(hyper_parameters.SHAPES.read_bytes()))


@pytest.fixture
def hparams(tmp_path: Path) -> str:
    """A JSON file of the tiny configuration's fields."""
    path = tmp_path / "plain.json"
    path.write_text(json.dumps(CONFIGS["plain"].to_json()))
    return str(path)


def saved(folder: Path, tensors: Any) -> Path:
    path = folder / "model.th"
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_state_dicts_are_those_published(name: str) -> None:
    with torch.device("meta"):
        model = HVAE(PUBLISHED[name])
    found = {key: list(value.shape) for key, value in model.state_dict().items()}
    assert found == SHAPES[name]["shapes"]
    assert sum(p.numel() for p in model.parameters()) == SHAPES[name]["parameters"]
    millions = {"cifar10": 39, "imagenet32": 119, "imagenet64": 125, "ffhq256": 115}
    assert round(SHAPES[name]["parameters"] / 1e6) == millions.get(name, 109)


def test_every_published_configuration_is_known() -> None:
    assert set(PUBLISHED) == set(SHAPES)
    assert [len(PUBLISHED[name].decoder_specs) for name in PUBLISHED] == [43, 78, 75, 66, 70]
    assert [c.pixel_bits for c in PUBLISHED.values()] == [8, 8, 8, 5, 8]


@pytest.mark.parametrize(
    ("name", "grey", "expected"),
    [
        ("cifar10", 128, (128 - 120.63838) / 64.16736),
        ("imagenet32", 7, (7 - 116.2373) / 69.37404),
        ("imagenet64", 255, (255 - 115.92961967) / 69.37404),
        ("ffhq256", 0, -112.8666757481 / 69.84780273),
        ("ffhq1024", 51, (0.2 - 0.4387) / 0.2743),
    ],
)
def test_the_encoders_input_is_normalised_as_published(
    name: str, grey: int, expected: float
) -> None:
    config = PUBLISHED[name]
    assert abs((grey / 255 + config.shift) * config.scale - expected) < 1e-9


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("part", ["plain", "widths"])
def test_a_conversion_takes_the_tensors_over(part: str, prefix: str, tmp_path: Path) -> None:
    path = saved(tmp_path, {prefix + key: value for key, value in weights(part).items()})
    model = converted(path, CONFIGS[part])
    for key, value in model.state_dict().items():
        assert torch.equal(value, weights(part)[key])
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    found = encode(model, images(part), golden_noise(part))
    expected = encode(golden_model(part), images(part), golden_noise(part))
    assert all(torch.equal(a, b) for a, b in zip(found.z, expected.z, strict=True))


def test_half_precision_is_computed_with_in_single(hparams: str, tmp_path: Path) -> None:
    model = converted(saved(tmp_path, {k: v.half() for k, v in weights("plain").items()}), hparams)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


class Trap:
    """What a hostile pickle holds: opening it makes a file."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.target, "w"))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_with_code_is_refused(legacy: bool, hparams: str, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / "model.th"
    torch.save(
        weights("plain") | {"extra": Trap(str(sprung))}, path,
        _use_new_zipfile_serialization=not legacy,
    )  # fmt: skip
    with pytest.raises(BadInput, match=r"model.th' is refused.*can run code"):
        converted(path, hparams)
    assert not sprung.exists()
    torch.load(path, weights_only=False)["extra"].close()
    assert sprung.exists()  # the trap does work where it is opened


@pytest.mark.parametrize(
    "content",
    [b"", b"junk", b"no pickle", b"PK\x03\x04 no zip", b"\x80\x02}q\x00.", b"\x1f\x8b" * 40],
)
def test_a_damaged_file_is_refused(content: bytes, hparams: str, tmp_path: Path) -> None:
    path = tmp_path / "model.th"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="model.th"):
        converted(path, hparams)


def test_half_a_file_is_refused(hparams: str, tmp_path: Path) -> None:
    path = saved(tmp_path, weights("plain"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInput, match="damaged"):
        converted(path, hparams)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(1)], "holds no state dict"),
        ({}, "holds no state dict"),
        (torch.zeros(3), "holds no state dict"),
        ({"model": {"a": torch.zeros(1)}, "step": 3}, "no tensor named encoder.in_conv.weight"),
        ({"encoder.in_conv.weight": torch.zeros(1), "step": 3}, "more than tensors: step"),
    ],
)
def test_another_content_is_refused(
    content: Any, message: str, hparams: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        converted(saved(tmp_path, content), hparams)


def changed(change: dict[str, Tensor | None]) -> dict[str, Tensor]:
    everything: dict[str, Tensor | None] = {**weights("plain"), **change}
    return {key: value for key, value in everything.items() if value is not None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder.gain": None}, "1 missing: decoder.gain"),
        ({"decoder.hue": torch.zeros(1)}, "1 not expected: decoder.hue"),
        (
            {"encoder.in_conv.bias": torch.zeros(4)},
            r"1 of another shape: encoder.in_conv.bias \[4\] instead of \[16\]",
        ),
        (
            {"decoder.bias": torch.full((1, 16, 1, 1), torch.nan)},
            "1 without finite real numbers: decoder.bias",
        ),
        (
            {"decoder.bias": torch.zeros(1, 16, 1, 1, dtype=torch.cfloat)},
            "1 without finite real numbers: decoder.bias",
        ),
        ({"decoder.gain": None, "decoder.bias": None}, "2 missing: decoder.gain, decoder.bias"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    change: dict[str, Tensor | None], message: str, hparams: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message) as error:
        converted(saved(tmp_path, changed(change)), hparams)
    assert "Check --hparams" in str(error.value)


def test_all_that_is_wrong_is_said_at_once(hparams: str, tmp_path: Path) -> None:
    change = {"decoder.gain": None, "a": torch.zeros(1), "encoder.in_conv.bias": torch.zeros(4)}
    with pytest.raises(BadInput, match="1 missing: .*; 1 not expected: .*; 1 of another shape: "):
        converted(saved(tmp_path, changed(change)), hparams)


def test_a_long_list_is_cut_and_counted() -> None:
    expected = {str(i): torch.zeros(1) for i in range(30)}
    with pytest.raises(BadInput, match="30 missing: 0, 1, 2, 3, 4, 5, 6, 7 and 22 more"):
        check_tensors(expected, {})


def test_weights_of_another_configuration_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="missing: encoder.enc_blocks.6.c1.weight"):
        converted(saved(tmp_path, weights("plain")), "cifar10")


def test_the_command_line_says_what_is_wrong(
    hparams: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, changed({"decoder.gain": None}))
    out = tmp_path / "out"
    assert main(["vdvae", str(path), "--hparams", hparams, "--out", str(out)]) == 2
    assert "1 missing: decoder.gain" in capsys.readouterr().err
    missing = tmp_path / "none.th"
    assert main(["vdvae", str(missing), "--hparams", "cifar10", "--out", str(out)]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert not out.exists()


def test_the_module_runs_as_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "models.convert.command")
    monkeypatch.setattr(sys, "argv", ["convert", "vdvae", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("models.convert", run_name="__main__")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--hparams" in said and "imagenet64" in said
