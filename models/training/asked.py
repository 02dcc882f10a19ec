"""What a run was asked, as one frozen value: enough to do it again, or to go on (`run.json`)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import torch

from models.base import ModelConfig
from models.command_line import Shape, parse_numbers
from models.data.load import Data
from models.errors import BadInput
from models.families.options import architecture
from models.families.registry import FAMILIES, read_family
from models.storage.model_folder import to_json
from models.training.options import FREE_BITS, STEPS, build_parser
from models.training.run import RunFiles
from models.training.schedule import TrainConfig

# What is no part of what is learned: these may be other ones when a run goes on.
FREE = ("data", "steps", "minutes", "name", "device", "threads", "save_every", "out", "resume")


@dataclass(frozen=True)
class Run:
    """All that a run was asked.

    Args:
        options: What the command line said of all that must stay as it is, presets filled in;
            empty for a run from before they were kept.
    """

    name: str
    preset: str | None
    data: str
    image_size: int | None
    family: str
    model: ModelConfig
    training: TrainConfig
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return to_json(values | {"model": self.model.to_json(), "training": asdict(self.training)})


def by_level(text: str, name: str, depth: int) -> tuple[float, ...]:
    """One number a level; a single one stands for all."""
    numbers = parse_numbers(text, name)
    return numbers * depth if len(numbers) == 1 else numbers


def wants_bf16(precision: str, device: torch.device) -> bool:
    """Whether matrix products run in bfloat16: asked for, or quick on this device."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def precision_of(training: TrainConfig) -> str:
    """What `--precision` says of a training, where it is not left to the machine."""
    return "bf16" if training.bf16 else "tf32" if training.tf32 else "fp32"


def warmup_steps(steps: int) -> int:
    """Steps of learning rate warm-up: the usual 200, or a tenth of a short run."""
    return min(TrainConfig.warmup_steps, max(0, steps) // 10)


def new_run(options: argparse.Namespace, data: Data, device: torch.device) -> Run:
    """The run that the options ask for; a time budget counts as one step until measured."""
    height, _, channels = data.train.shape[1:]
    model, training = planned(options, (channels, height, height), device)
    kept = {key: value for key, value in vars(options).items() if key not in (*FREE, "given")}
    # Automatic choices as they were made: they may be other ones at another time or place.
    kept |= {"image_size": height, "precision": precision_of(training)}
    return Run(
        options.name or options.out.resolve().name, options.preset, options.data,
        options.image_size, options.family, model, training, kept,
    )  # fmt: skip


def planned(
    options: argparse.Namespace, shape: Shape, device: torch.device
) -> tuple[ModelConfig, TrainConfig]:
    """The architecture and the training of images of a shape that the options ask for."""
    model = architecture(options, shape)
    depth, dies = model.depth, FAMILIES[options.family].needs_free_bits
    targets = by_level(options.rate_targets, "--rate-targets", depth)
    default = "0" if targets or not dies else f"{FREE_BITS:g}"
    bits = by_level(default if options.free_bits is None else options.free_bits,
                    "--free-bits", depth)  # fmt: skip
    steps = options.steps if options.steps is not None else STEPS
    return model, TrainConfig(
        steps=steps, batch_size=options.batch, learning_rate=options.lr,
        warmup_steps=warmup_steps(steps),
        kl_warmup=options.kl_warmup, free_bits=bits if any(bits) else (), seed=options.seed,
        bf16=wants_bf16(options.precision, device), tf32=options.precision == "tf32",
        samples=options.samples, weighted_from=options.weighted_from,
        rate_targets=targets, greedy=options.greedy,
    )  # fmt: skip


def read_run(files: RunFiles) -> Run:
    """The run that was started in a folder."""
    try:
        raw = json.loads(files.spec.read_bytes())
        training = raw["training"]
        for name in ("free_bits", "rate_targets"):
            training[name] = tuple(training.get(name, ()))
        return Run(
            raw["name"],
            raw["preset"],
            raw["data"],
            raw["image_size"],
            raw.get("family", "MHVAE"),
            read_family(raw.get("family", "MHVAE"), raw["model"]),
            TrainConfig(**training),
            dict(raw.get("options", {})),
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"there is no run in '{files.out}': train without --resume.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"'{files.spec}' cannot be read ({error}): train again.") from error


def check_unchanged(run: Run, options: argparse.Namespace, device: torch.device) -> None:
    """Refuse options that a run cannot change when it goes on, by their names.

    An option that says the same in other words is none: "1" for "1,1", "auto" for what it chose.
    """
    changed = [name for name in options.given if name not in FREE
               and not _says_the_same(run, name, getattr(options, name), device)]  # fmt: skip
    if not changed:
        return
    words = "; ".join(
        f"{_flag(name)} is {_shown(run, name)}, not {getattr(options, name)}" for name in changed
    )
    can = ", ".join(map(_flag, FREE[:-2]))
    raise BadInput(
        f"a run that goes on cannot change how it is trained ({words}): leave that out, or train "
        f"anew at another --out. What may change is {can}."
    )


def _says_the_same(run: Run, name: str, value: object, device: torch.device) -> bool:
    if name == "preset":
        return value == run.preset
    if not run.options:
        return False
    # An option that is younger than the run had its default.
    asked = {**vars(build_parser().parse_args(["--out=."])), **run.options}
    if name == "image_size" or asked[name] == value:
        return asked[name] == value
    try:
        now, then = (planned(argparse.Namespace(**one), run.model.image_shape, device)
                     for one in ({**asked, name: value}, asked))  # fmt: skip
    except BadInput:
        return False
    return now == then


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _shown(run: Run, name: str) -> str:
    if name in run.options:
        return str(run.options[name] if run.options[name] not in (None, "") else "not set")
    return "not known, since an older Strata began the run"


def continued(run: Run, steps: int) -> Run:
    """The run with more steps in all.

    Warm-ups and what else is a share of the steps keep the steps that they had, so that nothing
    that is over begins again; the cosine of the learning rate is drawn over the new number.

    Raises:
        BadInput: They are fewer than it has.
    """
    training, had = run.training, run.training.steps
    if steps == had:
        return run
    if steps < had:
        raise BadInput(
            f"the run has {had:,} steps, and --steps or --minutes ask for {steps:,}: a run that "
            "goes on can only become longer. Leave that out, or stop it where it is (Ctrl-C)."
        )
    shares = {name: getattr(training, name) * had / steps
              for name in ("kl_warmup", "weighted_from", "greedy")}  # fmt: skip
    return replace(run, training=replace(training, steps=steps, **shares))
