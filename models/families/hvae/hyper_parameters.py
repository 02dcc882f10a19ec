"""The hyper-parameters of VDVAE (Child 2020): the published sets by name, or JSON with defaults.

A JSON file holds what differs from the defaults of the published code, or from one of its sets:

    {"hps": "cifar10", "width": 256}                       as its command line names a set
    {"dataset": "ffhq_256", "enc_blocks": …, …}            constants of the data by their name
    {"enc_blocks": "32x11,…", "dec_blocks": "1x1,…"}       the rest by default

Names are those of the published `hps.py` and of `HVAEConfig`; what is of its training alone is
passed over, and any other name is refused.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import BadInput
from models.families.hvae.blocks import parse_blocks
from models.families.hvae.config import MIXTURE, HVAEConfig

SHAPES = Path(__file__).with_name("vdvae_shapes.json.gz")


def published(
    side: int, enc_blocks: str, dec_blocks: str, shift: float, scale: float, width: int = 512
) -> HVAEConfig:
    """A published configuration: the encoder reads (x + shift) / scale, in grey levels of 255."""
    return HVAEConfig(
        (3, side, side), MIXTURE, enc_blocks, dec_blocks, width,
        shift=shift / 255, scale=255 / scale,
    )  # fmt: skip


# The hyper-parameters and the constants of the input are those of the published code.
_FFHQ256 = published(
    256,
    "256x3,256d2,128x8,128d2,64x12,64d2,32x17,32d2,16x7,16d2,8x5,8d2,4x5,4d4,1x4",
    "1x2,4m1,4x3,8m4,8x4,16m8,16x9,32m16,32x21,64m32,64x13,128m64,128x7,256m128",
    shift=-112.8666757481,
    scale=69.84780273,
)
PUBLISHED: Mapping[str, HVAEConfig] = {
    "cifar10": published(
        32,
        "32x11,32d2,16x6,16d2,8x6,8d2,4x3,4d4,1x3",
        "1x1,4m1,4x2,8m4,8x5,16m8,16x10,32m16,32x21",
        shift=-120.63838,
        scale=64.16736,
        width=384,
    ),
    "imagenet32": published(
        32,
        "32x15,32d2,16x9,16d2,8x8,8d2,4x6,4d4,1x6",
        "1x2,4m1,4x4,8m4,8x9,16m8,16x19,32m16,32x40",
        shift=-116.2373,
        scale=69.37404,
    ),
    "imagenet64": published(
        64,
        "64x11,64d2,32x20,32d2,16x9,16d2,8x8,8d2,4x7,4d4,1x5",
        "1x2,4m1,4x3,8m4,8x7,16m8,16x15,32m16,32x31,64m32,64x12",
        shift=-115.92961967,
        scale=69.37404,
    ),
    # The encoder reads all 8 bits, the likelihood scores the 5 upper ones.
    "ffhq256": replace(_FFHQ256, pixel_bits=5),
    "ffhq1024": replace(
        _FFHQ256,
        image_shape=(3, 1024, 1024),
        enc_blocks="1024x1,1024d2,512x3,512d2,256x5,256d2,128x7,128d2,64x10,64d2,32x14,32d2,"
        "16x7,16d2,8x5,8d2,4x5,4d4,1x4",
        dec_blocks="1x2,4m1,4x3,8m4,8x4,16m8,16x9,32m16,32x20,64m32,64x14,128m64,128x7,256m128,"
        "256x2,512m256,1024m512",
        width=16,
        custom_width_str="512:32,256:64,128:512,64:512,32:512,16:512,8:512,4:512,1:512",
        num_mixtures=2,
        shift=-0.4387,
        scale=1 / 0.2743,
    ),
}
# The published code's own other names: of its sets in hps.py.
ALIASES: Mapping[str, str] = {"i32": "imagenet32", "i64": "imagenet64"}
SETS = ("hps", "hparam_sets")
OF_THE_DATA = ("image_shape", "pixel_bits", "shift", "scale")
OWN = tuple(field.name for field in fields(HVAEConfig))
SIZES = ("image_size", "image_channels")  # as the published code keeps the image's shape
# Names of hps.py that say how it was trained, logged and sampled, and nothing of the model.
NOT_OF_THE_MODEL = frozenset(
    [
        "seed",
        "port",
        "save_dir",
        "data_root",
        "desc",
        "restore_path",
        "restore_ema_path",
        "restore_log_path",
        "restore_optimizer_path",
        "ema_rate",
        "scale_encblock",
        "test_eval",
        "warmup_iters",
        "grad_clip",
        "skip_threshold",
        "lr",
        "lr_prior",
        "wd",
        "wd_prior",
        "num_epochs",
        "n_batch",
        "adam_beta1",
        "adam_beta2",
        "temperature",
        "iters_per_ckpt",
        "iters_per_print",
        "iters_per_save",
        "iters_per_images",
        "epochs_per_eval",
        "epochs_per_probe",
        "epochs_per_eval_save",
        "num_images_visualize",
        "num_variables_visualize",
        "num_temperatures_visualize",
        "logdir",
        "mpi_size",
        "local_rank",
        "rank",
    ]
)
DEFAULT_WIDTH = 512
SAY = f"{', '.join(PUBLISHED)}, or a JSON file of what differs from their code's defaults"


@dataclass(frozen=True)
class HyperParameters:
    """The configuration of a model, and what to tell of it.

    Args:
        by_default: The fields that nobody named, of a JSON file.
    """

    config: HVAEConfig
    by_default: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What was taken by default, in a sentence; "" where all was named."""
        values = asdict(self.config)
        told = ", ".join(f"{name} {values[name]!r}" for name in self.by_default)
        return f"By default, since the JSON file does not say: {told}." if told else ""


def hyper_parameters(source: str) -> HyperParameters:
    """A published configuration by one of its names, or that of a JSON file.

    Raises:
        BadInput: It is neither, or the file does not fit.
    """
    if (name := published_name(source)) is not None:
        return HyperParameters(PUBLISHED[name])
    path = Path(source)
    if not path.is_file():
        raise BadInput(
            f"--hparams '{source}' is neither a published configuration nor a file{_near(source)}: "
            f"give one of {SAY}."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"'{path}' is not valid JSON ({error}): check the file.") from error
    if not isinstance(values, dict):
        raise BadInput(f"'{path}' must hold a JSON object of hyper-parameters.")
    return from_json(str(path), values)


def published_name(text: str) -> str | None:
    """The published set that a name means, however it is spelled: "FFHQ_256", "i64"."""
    plain = _plain(text)
    return ALIASES.get(plain, plain if plain in PUBLISHED else None)


def from_json(where: str, values: Mapping[str, Any]) -> HyperParameters:
    """The configuration of a JSON object: what it names, its base, and the defaults.

    Raises:
        BadInput: A name is unknown or of the wrong type, or a layout is missing.
    """
    known = {*OWN, *SIZES, *SETS, "dataset", *NOT_OF_THE_MODEL}
    if unknown := [key for key in values if key not in known]:
        named = ", ".join(f"{key}{_near(key, sorted(known - NOT_OF_THE_MODEL))}" for key in unknown)
        raise BadInput(f"'{where}': unknown {named}; name what hps.py or HVAEConfig names.")
    given = {key: values[key] for key in OWN if key in values}
    base = _base(where, values) | _sizes(values) | given
    if missing := [key for key in ("enc_blocks", "dec_blocks") if key not in base]:
        raise BadInput(
            f"'{where}': missing {', '.join(missing)}: give the layouts, or in \"hps\" the "
            f"published set that they are of ({', '.join(PUBLISHED)})."
        )
    defaults = {
        field.name: field.default for field in fields(HVAEConfig)
    } | {"likelihood": MIXTURE, "width": DEFAULT_WIDTH}  # fmt: skip
    if "image_shape" not in base:
        side = parse_blocks(str(base["enc_blocks"]), "d")[0].side
        defaults["image_shape"] = (3, side, side)
    by_default = tuple(name for name in OWN if name not in base)
    return HyperParameters(HVAEConfig.from_json(defaults | base), by_default)


def _base(where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the sets that a JSON object names fix, the later before the earlier."""
    base: dict[str, Any] = {}
    sets = [name for key in SETS if key in values for name in str(values[key]).split(",") if name]
    for name in sets:
        base |= asdict(PUBLISHED[_name(where, "hps", name)])
    if values.get("dataset") is not None and not sets:
        own = asdict(PUBLISHED[_name(where, "dataset", str(values["dataset"]))])
        base |= {key: own[key] for key in OF_THE_DATA}
    return base


def _name(where: str, key: str, text: str) -> str:
    if (name := published_name(text)) is None:
        raise BadInput(
            f"'{where}': {key} '{text}' is unknown{_near(text)}: give one of "
            f"{', '.join(PUBLISHED)}, or image_shape, shift and scale in its place."
        )
    return name


def _sizes(values: Mapping[str, Any]) -> dict[str, Any]:
    """The image's shape where it is given as the published code keeps it."""
    if "image_size" not in values:
        return {}
    side = values["image_size"]
    return {"image_shape": (values.get("image_channels", 3), side, side)}


def _plain(text: str) -> str:
    return text.strip().lower().replace("_", "").replace("-", "")


def _near(text: str, known: list[str] | None = None) -> str:
    """The nearest known name, to be said behind an unknown one."""
    found = get_close_matches(text, known) if known else get_close_matches(_plain(text), PUBLISHED)
    return f" (did you mean {found[0]}?)" if found else ""


@cache
def published_shapes() -> Mapping[str, dict[str, list[int]]]:
    """Names and shapes of the tensors of each published VDVAE."""
    found = json.loads(gzip.decompress(SHAPES.read_bytes()))
    return {name: found[name]["shapes"] for name in PUBLISHED}
