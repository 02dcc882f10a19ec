"""The recipes of the bundled checkpoints, by name: what `--preset` fills in."""

from __future__ import annotations

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, object]] = {
    "digits": {
        "likelihood": "bernoulli", "levels": "50,25,12", "width": 300, "blocks": 2,
        "steps": 36_000, "batch": 256, "lr": 2e-3, "free_bits": "5", "kl_warmup": 0.1,
    },
    "fashion": {
        "likelihood": "discretised_logistic", "levels": "64,32,16", "width": 300, "blocks": 2,
        "steps": 16_000, "batch": 256, "lr": 1e-3, "free_bits": "12,8,8", "kl_warmup": 0.2,
    },
    "avatars": {
        "likelihood": "discretised_logistic", "levels": "96,48,24,12", "width": 256, "blocks": 1,
        "conv": "64,96,128", "patch": 4, "steps": 14_000, "batch": 32, "lr": 1e-3,
        "free_bits": "10,6,6,6", "kl_warmup": 0.2,
    },
}  # fmt: skip
