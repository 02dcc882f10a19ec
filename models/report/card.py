"""The model card: a checkpoint's README.md, made from its own numbers."""

from __future__ import annotations

from collections.abc import Mapping

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import Checkpoint, add_files
from models.report import attributes_section as attribute_card
from models.report import photographs_section as photo_card
from models.report.attributes_section import attribute_section, read_attributes
from models.report.converted_section import NOTHING_MEASURED, how_converted
from models.report.kept_measures import Facts
from models.report.photographs_section import photograph_section, read_photographs
from models.storage.model_folder import to_json

# What `--data` is for the bundled models, for who does not have the folder it was trained from.
SOURCES = {
    "digits": ("MNIST", "`MNIST` is a folder with the four IDX files, or `hf:ylecun/mnist`."),
    "fashion": (
        "FASHION",
        "`FASHION` is a folder with the four IDX files (Debian: `dataset-fashion-mnist`), "
        "or `hf:zalando-datasets/fashion_mnist`.",
    ),
    "avatars": ("avatars", "The pictures are drawn by the generator, once, in some two minutes."),
    "photos": (
        "photos:FOLDER",
        "`FOLDER` is where Debian's wallpaper packages were unpacked, as `docs/photos.md` says; "
        "where they are installed, `--data photos`.",
    ),
}


def model_card(
    name: str,
    model: HierarchicalModel,
    result: Facts,
    card: Facts,
    training: Facts,
    attributes: Facts | None = None,
    photographs: Facts | None = None,
) -> str:
    """The text of the card.

    Args:
        name: What the model is called.
        model: The model as stored.
        result: The measures of `models.evaluate.evaluate`.
        card: The data card.
        training: Configuration, data and time of the training.
        attributes: The measures of `models.attributes`, if there are any of these weights.
        photographs: The measures of `models.photos`, likewise.
    """
    licence = "other" if "converted" in training else "mit"
    lines = ["---", "library_name: strata", f"license: {licence}"]
    lines += [f"tags: [vae, hierarchical-vae, {model.family.lower()}]", "---", f"# {name}", ""]
    lines += [_what(model), "", "## Measured", "", *_measured(result), ""]
    lines += [*attribute_section(attributes, name), ""] if attributes else []
    lines += [*photograph_section(photographs, name), ""] if photographs else []
    lines += ["## How", "", *_how(name, card, training, result)]
    return "\n".join(lines) + "\n"


def checkpoint_card(
    checkpoint: Checkpoint, result: Facts | None = None, fresh: Mapping[str, Facts] | None = None
) -> str:
    """The text of the card of a checkpoint on disk, with all measures kept beside it.

    Args:
        result: The measures of `models.evaluate`, if they are new.
        fresh: New measures by the name of the file that will hold them.
    """
    folder, weights = checkpoint.path, checkpoint.hash
    kept = {
        attribute_card.FILE: read_attributes(folder, weights),
        photo_card.FILE: read_photographs(folder, weights),
        **(fresh or {}),
    }
    return model_card(
        checkpoint.name, checkpoint.model, result or checkpoint.evaluation, checkpoint.card,
        checkpoint.training, kept[attribute_card.FILE], kept[photo_card.FILE],
    )  # fmt: skip


def keep_measures(
    checkpoint: Checkpoint, name: str, facts: Facts, pictures: Mapping[str, bytes] | None = None
) -> None:
    """Write a file of measures, its pictures and the card that tells them, all or none."""
    card = checkpoint_card(checkpoint, fresh={name: facts})
    files = {name: to_json(facts), "README.md": card.encode()}
    add_files(checkpoint, files | dict(pictures or {}))


def nats(value: float) -> str:
    """A number of nats with the digits that single precision reproduces on other machines."""
    return f"{value:.1f}" if abs(value) >= 1000 else f"{value:.2f}"


def within(value: float, error: float | None, unit: str) -> str:
    """A value ± its standard error."""
    return f"{nats(value)}{'' if error is None else f' ± {error:.2f}'} {unit}"


def _what(model: HierarchicalModel) -> str:
    channels, height, width = model.image_shape
    levels = ", ".join("×".join(map(str, level.shape)) for level in model.levels)
    return (
        f"A {model.kind} of {height}×{width} {'RGB' if channels == 3 else 'grey'} images. "
        f"T = {model.depth}; z_1 upwards have {levels} dimensions. "
        f"{f'{model.likelihood_name} likelihood' if model.has_likelihood else 'No likelihood'}."
    )


def _measured(result: Facts) -> list[str]:
    if not result:
        return NOTHING_MEASURED
    rows = {}
    if "elbo_nats" in result:
        rows = {
            elbo_name(result): within(
                -result["elbo_nats"], result.get("elbo_standard_error"), "nats"
            ),
            "reconstruction, log p(x∣z_1)": f"{nats(result['reconstruction_nats'])} nats",
        }
    if "bits_per_dim" in result:
        rows["bits per dimension"] = f"{result['bits_per_dim']:.3f}"
    rows |= form_rows(result)
    rows |= {name: value for name, value, _ in bound_rows(result)}
    if "psnr_db" in result:
        rows["PSNR of the mean-path reconstruction"] = f"{result['psnr_db']:.2f} dB"
    rows |= extra_rows(result)
    return [
        f"On {result['n_images']:,} test images, {result['draws']} draws each, "
        f"seed {result['seed']}; ± one standard error over images:",
        "",
        "| measure | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        *_level_rows(result),
    ]


def _level_rows(result: Facts) -> list[str]:
    """The table of the levels; the later measures only where they were taken."""
    taken = [
        ("rate (nats)", "rate_nats", "{:.2f}"),
        ("active units", "active_units", "{}"),
        ("reach", "reach", "{:.3f}"),
    ]
    known = [entry for entry in taken if entry[1] in result]
    if not known:
        return []
    heads = ["level", *(head for head, _, _ in known)]
    columns = [
        [f"z_{t}" for t in range(1, len(result[known[0][1]]) + 1)],
        *([form.format(value) for value in result[key]] for _, key, form in known),
    ]
    if "active_units_burda" in result:
        heads.append("active as Burda et al. count")
        columns.append([str(count) for count in result["active_units_burda"]])
    if "drift_sigma" in result:
        heads.append("round-trip drift (σ)")
        columns.append(["–" if d is None else f"{d:.2f}" for d in result["drift_sigma"]])
    rows = (" | ".join(row) for row in zip(*columns, strict=True))
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *(f"| {r} |" for r in rows)]


def bound_rows(result: Facts) -> list[tuple[str, str, Facts]]:
    """Name, value and facts of the bound at every K."""
    rows, asked = [], result.get("asked")
    for bound in result.get("bounds", []):
        whole = bound["images"] == result["n_images"]
        chosen = asked is not None and bound["k"] not in asked["k"]
        count = f"{bound['images']:,}"
        over = (
            f"all {count} images" if whole
            else f"{count} images chosen by the seed" if chosen
            else f"the first {count} images"
        )  # fmt: skip
        name = f"NLL, K = {bound['k']:,}, {over}"
        rows.append((name, within(bound["nll_nats"], bound["standard_error"], "nats"), bound))
    return rows


def elbo_name(result: Facts) -> str:
    """What the −ELBO that a model is shown with is called."""
    return "−ELBO" + (", infinitely many stops" if "limit" in result.get("two_forms", {}) else "")


def form_rows(result: Facts) -> dict[str, str]:
    """Both exact forms of the bound, where the model has two."""
    if not (forms := result.get("two_forms")):
        return {}
    name, rows = f"−ELBO at its {len(result['rate_nats'])} levels", {}
    for title, form in (
        ("log-ratios", forms["log_ratios"]),
        ("denoising matching", forms["matched"]),
    ):
        facts = [within(-form["elbo_nats"], form["elbo_standard_error"], "nats")]
        if "bits_per_dim" in form:
            facts.append(f"{form['bits_per_dim']:.3f} bits per dimension")
        if form["std_over_draws_nats"] is not None:
            facts.append(f"std over draws {nats(form['std_over_draws_nats'])} nats")
        rows[f"{name}, {title}"] = "; ".join(facts)
    return rows


def extra_rows(result: Facts) -> dict[str, str]:
    """The measures that only a full evaluation takes."""
    rows = {}
    if (without := result.get("without_inactive")) and any(without["deleted"]):
        rows[f"change of −ELBO without the {sum(without['deleted'])} inactive units"] = (
            f"{without['difference_nats']:+.3f} ± {without['difference_standard_error']:.3f} nats"
        )
    elif without:
        rows["change of −ELBO without the inactive units"] = "none: every unit is active"
    if near := result.get("neighbours"):
        rows["distance to the nearest training image, samples ÷ test images"] = (
            f"{near['ratio_to_tests']:.3f} ± {near['ratio_to_tests_error']:.3f}"
        )
        rows[f"copies of training images among {near['samples']:,} samples"] = (
            f"{near['copies_samples']} (test images: {near['copies_tests']} of {near['tests']:,})"
        )
    return rows


def measures_table(result: Facts) -> str:
    """The measures as lines a person reads at a terminal."""
    rows = {
        elbo_name(result): within(-result["elbo_nats"], result["elbo_standard_error"], "nats"),
        "reconstruction": f"{nats(result['reconstruction_nats'])} nats",
    }
    if "bits_per_dim" in result:
        rows["bits per dim"] = f"{result['bits_per_dim']:.3f}"
    rows |= form_rows(result)
    rows |= {name: value for name, value, _ in bound_rows(result)}
    if "psnr_db" in result:
        rows["PSNR"] = f"{result['psnr_db']:.2f} dB"
    rows |= extra_rows(result) | {"images": f"{result['n_images']:,}"}
    widest = max(map(len, rows))
    lines = [f"{name:<{widest}}  {value}" for name, value in rows.items()]
    return "\n".join([*lines, "", *_level_rows(result)])


def _how(name: str, card: Facts, training: Facts, result: Facts) -> list[str]:
    if "converted" in training:
        return how_converted(training["converted"], card)
    config = training["config"]
    images = training["steps_done"] * config["batch_size"]
    data = f"- Data: {card.get('title') or card.get('source') or training['data']}"
    if counts := card.get("counts"):
        data += f", {counts['train']:,} images to train on and {counts['test']:,} to test"
    if licence := card.get("licence"):
        data += f"; {licence}"
    lines = [
        data + ".",
        f"- Training: {training['steps_done']:,} steps of {config['batch_size']} images "
        f"({images:,} in all), {_rates(config)}, KL "
        f"warm-up over {config['kl_warmup']:.0%} of the steps{_weighted(config)}; "
        f"{training['cpu_s'] / 60:.0f} minutes of processor time "
        f"({training['wall_s'] / 60:.0f} minutes on the clock).",
    ]
    if training.get("preset"):
        lines += ["", *commands(name, training, result)]
    return lines


def _rates(config: Facts) -> str:
    """What is said of the recipe that sets the rates."""
    for name, key in (("rate targets", "rate_targets"), ("free bits", "free_bits")):
        if values := config.get(key):
            return f"{name} {', '.join(f'{v:g}' for v in values)} nats (z_1 upwards)"
    return "free bits off"


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
    source = training["preset"].partition("-")[0]  # digits-vae is trained on what digits is
    data, note = SOURCES.get(source, (training["data"], ""))
    lines = [
        "The numbers above, to the printed digits:",
        "",
        "```bash",
        evaluation_command(f"checkpoints/{name}", data, result),
        "```",
        "",
        "The model again:",
        "",
        "```bash",
        f"python -m models.train --preset {training['preset']} --data {data} --out runs/{name}",
        "```",
    ]
    return [*lines, "", note] if note else lines


def evaluation_command(checkpoint: str, data: str | None, result: Facts) -> str:
    """The command that measures the same again; of a training's quick measures, a full one.

    Args:
        data: What to measure on; None for the own images of a class.
    """
    command = f"python -m models.evaluate {checkpoint}" + (f" --data {data}" if data else "")
    asked = result.get("asked")
    if asked is None:
        bound = f" --k {result['k']} --limit {result['nll_images']}" if "k" in result else ""
        return command + bound
    flags = {
        "images": asked["images"],
        "k": ",".join(map(str, asked["k"])) or "0",
        "limit": asked["limit"],
        "deep": asked["deep"] or None,
        "deep-images": asked["deep_images"] if asked["deep"] else None,
        "draws": asked["draws"] if asked["draws"] != 4 else None,
        "samples": asked["samples"] if asked["samples"] != 1000 else None,
        "seed": asked["seed"] or None,
    }
    given = (f" --{flag} {value}" for flag, value in flags.items() if value is not None)
    return command + "".join(given)
