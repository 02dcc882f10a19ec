"""Runs OpenAI's published VDVAE code once and keeps its numbers: how, see vdvae_tiny.md.

python tests/models/golden/make_vdvae.py FOLDER_OF_THE_PUBLISHED_CODE
"""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

HERE = Path(__file__).parent
SHAPES = HERE.parents[2] / "models" / "families" / "hvae" / "vdvae_shapes.json.gz"
SIDES = {"cifar10": 32, "imagenet32": 32, "imagenet64": 64, "ffhq256": 256, "ffhq1024": 1024}
DEFAULTS = {  # of the published command line
    "zdim": 16, "width": 512, "custom_width_str": "", "bottleneck_multiple": 0.25,
    "no_bias_above": 64, "num_mixtures": 10, "image_channels": 3,
}  # fmt: skip
TINY: dict[str, dict[str, Any]] = {
    "plain": {
        "dataset": "cifar10", "image_size": 8, "width": 16, "zdim": 2, "num_mixtures": 3,
        "enc_blocks": "8x2,8d2,4x1,4d4,1x1", "dec_blocks": "1x1,4m1,4x1,8m4,8x1",
        "shift": -120.63838, "scale": 1 / 64.16736,
    },
    "widths": {
        "dataset": "ffhq_256", "image_size": 16, "width": 8, "zdim": 3, "num_mixtures": 2,
        "custom_width_str": "8:12,4:16,2:16,1:16", "bottleneck_multiple": 0.5, "no_bias_above": 4,
        "enc_blocks": "16x1,16d2,8x1,8d2,4x1,4d2,2d2,1x1",
        "dec_blocks": "1x1,2m1,4m2,8m4,8x1,16m8,16x1",
        "shift": -112.8666757481, "scale": 1 / 69.84780273,
    },
}  # fmt: skip
BATCH = 2


def published(folder: Path) -> tuple[Any, Any, Any]:
    """The modules vae, vae_helpers and hps."""
    sys.path.insert(0, str(folder))
    vae, helpers, hps = (importlib.import_module(name) for name in ("vae", "vae_helpers", "hps"))
    return vae, helpers, hps


def write_shapes(vae: Any, hps: Any) -> None:
    """Names and shapes of the state dicts of the five published configurations."""
    found = {}
    for name, side in SIDES.items():
        settings = hps.Hyperparams(DEFAULTS | hps.HPARAMS_REGISTRY[name] | {"image_size": side})
        with torch.device("meta"):
            model = vae.VAE(settings)
        shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
        found[name] = {"parameters": sum(prod(s) for s in shapes.values()), "shapes": shapes}
        print(name, f"{found[name]['parameters']:,} parameters, {len(shapes)} tensors")
    content = json.dumps(found, separators=(",", ":")).encode()
    SHAPES.write_bytes(gzip.compress(content, mtime=0))


def randomise(model: Any) -> None:
    """Weights under which nothing is zero: also the prior's last layers, gain, biases.

    They are rounded to half precision, so that they can be stored so.
    """
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name == "decoder.gain":
                value.copy_(1 + 0.2 * torch.randn_like(value))
            elif "bias_xs" in name:
                value.copy_(0.7 * torch.randn_like(value))
            elif value.ndim == 1 or name == "decoder.bias":
                value.copy_(0.2 * torch.randn_like(value))
            else:
                spread = 0.8 * prod(value.shape[1:]) ** -0.5
                value.copy_(spread * torch.randn_like(value))
            value.copy_(value.half().float())


class Recorder:
    """What the blocks of a decoder gave, in their order, and the noise they must have drawn."""

    def __init__(self, decoder: Any) -> None:
        self.q: list[Tensor] = []
        self.p: list[Tensor] = []
        self.z: list[Tensor] = []
        self.hooks = []
        for block in decoder.dec_blocks:
            self.hooks += [
                block.enc.register_forward_hook(lambda _m, _i, out: self.q.append(out)),
                block.prior.register_forward_hook(lambda _m, _i, out: self.p.append(out)),
                block.z_proj.register_forward_pre_hook(lambda _m, args: self.z.append(args[0])),
            ]

    def tensors(self, seed: int, zdim: int) -> dict[str, Tensor]:
        for hook in self.hooks:
            hook.remove()
        found: dict[str, Tensor] = {}
        torch.manual_seed(seed)
        for i, (p, z) in enumerate(zip(self.p, self.z, strict=True)):
            eps = torch.empty_like(z).normal_()
            found |= {f"z/{i}": z, f"eps/{i}": eps}
            found |= {f"p_mean/{i}": p[:, :zdim], f"p_log_std/{i}": p[:, zdim : 2 * zdim]}
            mean, log_std = p[:, :zdim], p[:, zdim : 2 * zdim]
            if self.q:
                mean, log_std = self.q[i].chunk(2, dim=1)
                found |= {f"q_mean/{i}": mean, f"q_log_std/{i}": log_std}
            torch.testing.assert_close(mean + log_std.exp() * eps, z)
        return found


def run_tiny(vae: Any, hps: Any, name: str, seed: int) -> dict[str, Tensor]:
    """Inference, likelihood and a draw from the prior under one configuration."""
    settings = hps.Hyperparams(DEFAULTS | TINY[name])
    torch.manual_seed(seed)
    model = vae.VAE(settings)
    randomise(model)
    side = settings["image_size"]
    x = torch.randint(0, 256, (BATCH, 3, side, side))
    x[:, :, 0], x[:, :, 1] = 0, 255  # the two open bins
    found = {f"weights/{key}": value.half() for key, value in model.state_dict().items()}
    seen = x.permute(0, 2, 3, 1).float()
    target = (seen / 8).floor() * 8 if settings["dataset"] == "ffhq_256" else seen
    target = (target - 127.5) / 127.5

    recorder = Recorder(model.decoder)
    torch.manual_seed(seed)
    activations = model.encoder.forward((seen + settings["shift"]) * settings["scale"])
    output, stats = model.decoder.forward(activations)
    found |= recorder.tensors(seed, settings["zdim"])
    found |= {f"rate/{i}": s["kl"].sum(dim=(1, 2, 3)) for i, s in enumerate(stats)}
    found |= {"x": x.to(torch.uint8), "output": output}
    found |= {"mixture": model.decoder.out_net(output).permute(0, 3, 1, 2)}
    found |= {"nll_per_dim": model.decoder.out_net.nll(output, target)}

    recorder = Recorder(model.decoder)
    torch.manual_seed(seed + 1)
    output = model.decoder.forward_uncond(BATCH)
    prior = recorder.tensors(seed + 1, settings["zdim"]) | {"output": output}
    found |= {f"prior/{key}": value for key, value in prior.items()}
    return {f"{name}/{key}": value for key, value in found.items()}


def run_mixture(helpers: Any) -> dict[str, Tensor]:
    """The loss alone, over scales from below its bound to wide, in 8 and in 5 bits."""
    torch.manual_seed(3)
    k, side = 4, 6
    output = torch.randn(3, 10 * k, side, side)
    scales = output[:, k:].unflatten(1, (3, 3, k))[:, :, 1]
    scales.copy_(torch.linspace(-9, 2, scales[0].numel()).view(scales.shape[1:]))
    x = torch.randint(0, 256, (3, 3, side, side))
    x[:, :, 0], x[:, :, 1] = 0, 255
    nested = output.permute(0, 2, 3, 1)
    pixels = x.permute(0, 2, 3, 1).float()
    loss = helpers.discretized_mix_logistic_loss
    eight = loss((pixels - 127.5) / 127.5, nested)
    five = loss(((pixels / 8).floor() * 8 - 127.5) / 127.5, nested, low_bit=True)
    return {
        "mixture/output": output, "mixture/x": x.to(torch.uint8),
        "mixture/nll_per_dim_8": eight, "mixture/nll_per_dim_5": five,
    }  # fmt: skip


def main() -> None:
    vae, helpers, hps = published(Path(sys.argv[1]))
    write_shapes(vae, hps)
    with torch.no_grad():
        found = run_tiny(vae, hps, "plain", 1) | run_tiny(vae, hps, "widths", 2)
        found |= run_mixture(helpers)
    found = {key: value.contiguous().clone() for key, value in found.items()}
    save_file(found, HERE / "vdvae_tiny.safetensors")
    for name in TINY:
        for key in ("nll_per_dim", "mixture"):
            print(name, key, found[f"{name}/{key}"].flatten()[:6])
        depth = sum(key.startswith(f"{name}/rate/") for key in found)
        print(name, "rates", [found[f"{name}/rate/{i}"].tolist() for i in range(depth)])
    print("mixture", found["mixture/nll_per_dim_8"], found["mixture/nll_per_dim_5"])


if __name__ == "__main__":
    main()
