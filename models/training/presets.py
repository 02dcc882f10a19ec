"""The recipes of the bundled checkpoints, by name: what `--preset` fills in."""

from __future__ import annotations

from collections.abc import Mapping

SIBLING = {"likelihood": "bernoulli", "blocks": 2, "patch": 4}
PRESETS: Mapping[str, Mapping[str, object]] = {
    "digits": {
        "likelihood": "bernoulli", "levels": "64,32,24", "width": 300, "blocks": 2,
        "conv": "48,64", "patch": 4, "steps": 56_000, "batch": 100, "lr": 1.5e-3,
        "free_bits": "8,7,8", "kl_warmup": 0.1, "samples": 8, "weighted_from": 0.6,
    },
    "fashion": {
        "likelihood": "discretised_logistic", "levels": "64,32,16", "width": 300, "blocks": 2,
        "steps": 16_000, "batch": 256, "lr": 1e-3, "free_bits": "12,8,8", "kl_warmup": 0.2,
    },
    "avatars": {
        "likelihood": "discretised_logistic", "levels": "56,40,24,12", "width": 256, "blocks": 1,
        "conv": "64,96,128", "patch": 4, "resize": "shuffle", "steps": 24_000, "batch": 32,
        "lr": 1e-3, "free_bits": "10,6,6,6", "kl_warmup": 0.3,
    },
    "universe": {
        "likelihood": "discretised_logistic", "levels": "8x8x8,96,40,16", "width": 384, "blocks": 1,
        "conv": "48,128", "patch": 4, "resize": "shuffle", "steps": 24_000, "batch": 16,
        "lr": 1.5e-3, "free_bits": "0", "rate_targets": "400,100,30,12", "kl_warmup": 0.1,
    },
    "glyphs": {
        "likelihood": "discretised_logistic", "levels": "48,32,24", "width": 320, "blocks": 1,
        "conv": "32,64", "patch": 2, "resize": "shuffle", "steps": 10_000, "batch": 64,
        "lr": 1.5e-3, "free_bits": "8,8,8", "kl_warmup": 0.2,
    },
    "photos": {
        "likelihood": "discretised_logistic", "levels": "24x16x16,16x8x8,32x4x4", "blocks": 2,
        "conv": "64,96,128", "patch": 4, "steps": 8_000, "batch": 16, "lr": 1.5e-3,
        "free_bits": "0", "rate_targets": "6500,260,60", "kl_warmup": 0.1,
    },
    # Four families on the same pictures, of nearly the same size and training time.
    "digits-vae": {
        **SIBLING, "levels": "32", "width": 256, "conv": "32,48", "steps": 21_000, "batch": 64,
        "lr": 1.5e-3, "free_bits": "0", "kl_warmup": 0.1,
    },
    "digits-mhvae": {
        **SIBLING, "levels": "32,24,16", "width": 160, "conv": "32,48", "steps": 19_000,
        "batch": 64, "lr": 1.5e-3, "free_bits": "0", "rate_targets": "10,6,7", "kl_warmup": 0.1,
    },
    "digits-hvae": {
        **SIBLING, "family": "HVAE", "enc_blocks": "28d2,14x1,14d2,7x1,7d7,1x2",
        "dec_blocks": "1x2,7m1,7x1,14m7,28m14", "width": 16, "widths": "14:32,7:80,1:256",
        "zdim": 8, "bottleneck": 0.5, "steps": 5_500, "batch": 32, "lr": 1.5e-3,
        "free_bits": "2", "kl_warmup": 0.2,
    },
    "digits-vdm": {
        **SIBLING, "family": "VDM", "conv": "16,40,96", "blocks": 1, "gamma": "-4,8",
        "steps": 2_700, "batch": 32, "lr": 1e-3, "free_bits": "0", "kl_warmup": 0.0,
    },
}  # fmt: skip
