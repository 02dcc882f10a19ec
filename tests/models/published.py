"""Tiny models as diffusers itself publishes them, for tests."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch

from models.storage.diffusers_files import diffusers

WEIGHTS = "diffusion_pytorch_model.safetensors"
VAE = {
    "in_channels": 3, "out_channels": 3, "block_out_channels": (8, 16, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3,
    "layers_per_block": 1, "latent_channels": 2, "norm_num_groups": 4, "sample_size": 16,
    "scaling_factor": 0.7,
}  # fmt: skip
UNET = {
    "sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": (8, 16),
    "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 8,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}  # fmt: skip


def publish_vae(folder: Path, **changes: Any) -> Path:
    """An AutoencoderKL of random weights that uses its whole range."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vae = diffusers().AutoencoderKL(**(VAE | changes))
        for parameter in vae.parameters():
            if parameter.ndim > 1:
                parameter.data.mul_(1.5)
        vae.save_pretrained(folder)
    return folder


def publish_ddpm(folder: Path) -> Path:
    torch.manual_seed(0)
    package = diffusers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unet = package.UNet2DModel(**UNET)
        package.DDPMPipeline(unet, package.DDPMScheduler()).save_pretrained(folder)
    return folder


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target / "copy"))


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def in_cache(source: Path, cache: Path, owner: str, name: str) -> None:
    """Lay a folder out as the Hub's own cache has it, with a revision that is there."""
    storage, commit = cache / f"models--{owner}--{name}", "a" * 40
    (storage / "refs").mkdir(parents=True)
    (storage / "refs" / "main").write_text(commit)
    shutil.copytree(source, storage / "snapshots" / commit)
