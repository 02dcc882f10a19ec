"""The model card: a checkpoint's README.md, made from its own numbers."""

from __future__ import annotations

from models.likelihoods import LIKELIHOODS
from models.mhvae import MHVAEConfig


def model_card(
    name: str,
    config: MHVAEConfig,
    result: dict,
    card: dict,
    training: dict,
) -> str:
    """The text of the card.

    Args:
        result: The measures of `models.evaluate.evaluate`.
        card: The data card.
        training: Configuration, data and time of the training.
    """
    channels, height, width = config.image_shape
    levels = ", ".join("×".join(map(str, shape)) for shape in config.levels)
    return "\n".join([
        "---", "library_name: strata", "tags: [vae, hierarchical-vae, mhvae]", "license: mit", "---",
        f"# {name}", "",
        f"A strictly Markov hierarchical VAE of {height}×{width} "
        f"{'RGB' if channels == 3 else 'grey'} images, T = {len(config.levels)}, "
        f"latents z₁ … z_T of {levels} dimensions, {_likelihood(config)} likelihood.", "",
        "## Measured", "", *_measured(result), "", "## How", "", *_how(name, result, card, training), "",
    ])  # fmt: skip


def _likelihood(config: MHVAEConfig) -> str:
    return "8-bit discretised logistic" if LIKELIHOODS[config.likelihood].eight_bit else "Bernoulli"


def _measured(result: dict) -> list[str]:
    lines = [
        f"On {result['n_images']:,} test images, {result['draws']} draws each, seed {result['seed']}:",
        "", "| measure | value |", "|---|---|",
        f"| −ELBO | {-result['elbo_nats']:.2f} nats |",
        f"| reconstruction, log p(x∣z₁) | {result['reconstruction_nats']:.2f} nats |",
        f"| PSNR of the mean-path reconstruction | {result['psnr_db']:.2f} dB |",
    ]  # fmt: skip
    if "bits_per_dim" in result:
        lines.append(f"| bits per dimension | {result['bits_per_dim']:.3f} |")
    if "nll_nats" in result:
        lines.append(
            f"| NLL, importance-weighted, K = {result['k']:,}, {result['nll_images']:,} images "
            f"| {result['nll_nats']:.2f} ± {result['nll_standard_error']:.2f} nats |"
        )
    lines += ["", "| level | rate (nats) | active units | reach |", "|---|---|---|---|"]
    rows = zip(result["rate_nats"], result["active_units"], result["reach"], strict=True)
    lines += [
        f"| z_{t} | {rate:.2f} | {active} | {reached:.3f} |"
        for t, (rate, active, reached) in enumerate(rows, start=1)
    ]
    return lines


def _how(name: str, result: dict, card: dict, training: dict) -> list[str]:
    config = training["config"]
    images = training["steps_done"] * config["batch_size"]
    commands = training.get("commands", {})
    lines = [
        f"- Data: {card.get('source', training['data'])}"
        + (f", licence {card['licence']}" if card.get("licence") else "")
        + f"; {card.get('train_count', '?'):,} training and {card.get('test_count', '?'):,} test images."
        if isinstance(card.get("train_count"), int) else f"- Data: {training['data']}.",
        f"- Training: {training['steps_done']:,} steps of {config['batch_size']} images "
        f"({images:,} images), {training['wall_s'] / 60:.1f} minutes of wall time, "
        f"{training['cpu_s'] / 60:.1f} minutes of processor time, free bits "
        f"{list(config['free_bits']) or 'off'} nats, KL warm-up {config['kl_warmup']:.0%}.",
    ]  # fmt: skip
    if commands:
        lines += ["- Retrain:", "", "  ```bash", f"  {commands['train']}", "  ```", "",
                  "- Measure:", "", "  ```bash", f"  {commands['evaluate']}", "  ```"]  # fmt: skip
    return lines
