"""The model card: a checkpoint's README.md, made from its own numbers."""

from __future__ import annotations

from typing import Any

from models.likelihoods import LIKELIHOODS
from models.mhvae import MHVAEConfig

Facts = dict[str, Any]

# What `--data` is for the bundled models, for who does not have the folder it was trained from.
SOURCES = {
    "digits": ("MNIST", "`MNIST` is a folder with the four IDX files, or `hf:ylecun/mnist`."),
    "fashion": (
        "FASHION",
        "`FASHION` is a folder with the four IDX files (Debian: `dataset-fashion-mnist`), "
        "or `hf:zalando-datasets/fashion_mnist`.",
    ),
    "avatars": ("avatars", "The pictures are drawn by the generator, once, in some two minutes."),
}


def model_card(name: str, config: MHVAEConfig, result: Facts, card: Facts, training: Facts) -> str:
    """The text of the card.

    Args:
        name: What the model is called.
        config: Its architecture.
        result: The measures of `models.evaluate.evaluate`.
        card: The data card.
        training: Configuration, data and time of the training.
    """
    lines = ["---", "library_name: strata", "license: mit"]
    lines += ["tags: [vae, hierarchical-vae, mhvae]", "---", f"# {name}", ""]
    lines += [_what(config), "", "## Measured", "", *_measured(result), ""]
    lines += ["## How", "", *_how(name, card, training, result)]
    return "\n".join(lines) + "\n"


def nats(value: float) -> str:
    """A number of nats with the digits that single precision reproduces on other machines."""
    return f"{value:.1f}" if abs(value) >= 1000 else f"{value:.2f}"


def _what(config: MHVAEConfig) -> str:
    channels, height, width = config.image_shape
    levels = ", ".join("×".join(map(str, shape)) for shape in config.levels)
    eight_bit = LIKELIHOODS[config.likelihood].eight_bit
    return (
        f"A strictly Markov hierarchical VAE of {height}×{width} "
        f"{'RGB' if channels == 3 else 'grey'} images. T = {len(config.levels)}; z_1 upwards have "
        f"{levels} dimensions. {'Discretised logistic' if eight_bit else 'Bernoulli'} likelihood."
    )


def _measured(result: Facts) -> list[str]:
    rows = {
        "−ELBO": f"{nats(-result['elbo_nats'])} nats",
        "reconstruction, log p(x∣z_1)": f"{nats(result['reconstruction_nats'])} nats",
    }
    if "bits_per_dim" in result:
        rows["bits per dimension"] = f"{result['bits_per_dim']:.3f}"
    if "nll_nats" in result:
        bound = f"NLL, K = {result['k']:,}, first {result['nll_images']:,} images"
        rows[bound] = f"{nats(result['nll_nats'])} ± {result['nll_standard_error']:.2f} nats"
    if "psnr_db" in result:
        rows["PSNR of the mean-path reconstruction"] = f"{result['psnr_db']:.2f} dB"
    lines = [
        f"On {result['n_images']:,} test images, {result['draws']} draws each, "
        f"seed {result['seed']}:",
        "",
        "| measure | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        "| level | rate (nats) | active units | reach |",
        "|---|---|---|---|",
    ]
    levels = zip(result["rate_nats"], result["active_units"], result["reach"], strict=True)
    for t, (rate, active, reached) in enumerate(levels, start=1):
        lines.append(f"| z_{t} | {rate:.2f} | {active} | {reached:.3f} |")
    return lines


def _how(name: str, card: Facts, training: Facts, result: Facts) -> list[str]:
    config = training["config"]
    images = training["steps_done"] * config["batch_size"]
    bits = ", ".join(f"{b:g}" for b in config["free_bits"])
    data = f"- Data: {card.get('title') or card.get('source') or training['data']}"
    if counts := card.get("counts"):
        data += f", {counts['train']:,} images to train on and {counts['test']:,} to test"
    if licence := card.get("licence"):
        data += f"; {licence}"
    lines = [
        data + ".",
        f"- Training: {training['steps_done']:,} steps of {config['batch_size']} images "
        f"({images:,} in all), free bits {f'{bits} nats (z_1 upwards)' if bits else 'off'}, KL "
        f"warm-up over {config['kl_warmup']:.0%} of the steps{_weighted(config)}; "
        f"{training['cpu_s'] / 60:.0f} minutes of processor time "
        f"({training['wall_s'] / 60:.0f} minutes on the clock).",
    ]
    if training.get("preset"):
        lines += ["", *commands(name, training, result)]
    return lines


def _weighted(config: Facts) -> str:
    """What is said of the importance-weighted objective, where it was used."""
    samples = config.get("samples", 1)
    if samples == 1:
        return ""
    return (
        f", from {config['weighted_from']:.0%} of the steps on the importance-weighted bound of "
        f"{samples} draws with DReG gradients and no free bits"
    )


def commands(name: str, training: Facts, result: Facts) -> list[str]:
    """The commands that reproduce a bundled model and its numbers."""
    data, note = SOURCES.get(training["preset"], (training["data"], ""))
    bound = f" --k {result['k']} --limit {result['nll_images']}" if "k" in result else ""
    lines = [
        "The numbers above, to the printed digits:",
        "",
        "```bash",
        f"python -m models.evaluate checkpoints/{name} --data {data}{bound}",
        "```",
        "",
        "The model again:",
        "",
        "```bash",
        f"python -m models.train --preset {training['preset']} --data {data} --out runs/{name}",
        "```",
    ]
    return [*lines, "", note] if note else lines
