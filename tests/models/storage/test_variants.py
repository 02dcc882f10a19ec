"""Which files are the weights: the plain ones before any variant, and what is missing is said."""

from __future__ import annotations

import logging

import pytest

from models.errors import BadInput
from models.storage.variants import WEIGHTS as W
from models.storage.variants import Weights, choose_weights

FULL, HALF = f"{W}.safetensors", f"{W}.fp16.safetensors"
BRAIN, EMA = f"{W}.bf16.safetensors", f"{W}.ema.safetensors"
SHARDS = tuple(f"{W}.fp16-0000{i}-of-00002.safetensors" for i in (1, 2))
PLAIN_SHARDS = tuple(f"{W}-0000{i}-of-00002.safetensors" for i in (1, 2))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([HALF, FULL, BRAIN], Weights((FULL,))),
        ([HALF, *PLAIN_SHARDS], Weights(PLAIN_SHARDS)),
        ([BRAIN, HALF], Weights((HALF,), "fp16")),
        ([BRAIN, EMA, HALF], Weights((EMA,), "ema")),
        ([*SHARDS, f"{W}.bin", "config.json"], Weights(SHARDS, "fp16")),
        ([*SHARDS, HALF], Weights((HALF,), "fp16")),
        ([SHARDS[0], BRAIN], Weights((BRAIN,), "bf16")),
        (["own.safetensors", "config.json"], Weights(("own.safetensors",))),
        ([HALF, "own.safetensors", f"sub/{FULL}"], Weights((HALF,), "fp16")),
    ],
)
def test_plain_weights_are_taken_before_variants(names: list[str], chosen: Weights) -> None:
    assert choose_weights("here", names) == chosen


def test_a_choice_between_variants_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        choose_weights("here", [HALF, FULL])
        assert not caplog.messages
        choose_weights("here", [HALF, BRAIN])
    assert caplog.messages == ["here has weights in bf16: fp16 is taken"]
    assert choose_weights("here", [HALF]).note == "Its weights are those of the variant fp16."


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([SHARDS[1]], "has 1 of the 2 files that its weights are in"),
        ([], "has no weights in .*: none"),
        ([f"{W}.fp16.bin"], r"only a pickle \(diffusion_pytorch_model.fp16.bin\)"),
        (["a.safetensors", "b.safetensors"], "a.safetensors, b.safetensors: leave one"),
    ],
)
def test_what_is_missing_is_said(names: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        choose_weights("here", names)
