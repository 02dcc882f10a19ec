"""Which of the files of a published network hold its weights, by their names alone.

diffusion_pytorch_model.safetensors                            plain
diffusion_pytorch_model.fp16.safetensors                       a variant
diffusion_pytorch_model.fp16-00001-of-00002.safetensors        in shards
diffusion_pytorch_model-00001-of-00002.fp16.safetensors        in shards, as named before
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import BadInput

WEIGHTS = "diffusion_pytorch_model"
NAME = re.compile(
    rf"{WEIGHTS}(\.(?P<variant>\w+))?(-\d{{5}}-of-(?P<count>\d{{5}})(\.(?P<behind>\w+))?)?"
    r"\.safetensors"
)
# Which variant is taken where several are there: plain weights, then by what is kept of them.
RANKS = ("", "fp32", "ema", "fp16", "bf16")
_log = logging.getLogger(__name__)

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".pickle")


@dataclass(frozen=True)
class Weights:
    """The files that hold a network's weights.

    Args:
        names: One, or the shards in their order.
        variant: What diffusers calls the kind of them, "fp16" or "ema"; "" for the plain ones.
    """

    names: tuple[str, ...]
    variant: str = ""

    @property
    def note(self) -> str:
        """What has to be known of them, in a sentence; "" of plain weights."""
        return f"Its weights are those of the variant {self.variant}." if self.variant else ""


def choose_weights(where: str, names: Iterable[str]) -> Weights:
    """The weights among the files of a folder: the plain ones, or else the best variant.

    Where nothing has a name of diffusers' a single safetensors file stands in, whatever its name.

    Raises:
        BadInput: There are none, only a pickle, or shards are missing.
    """
    names = sorted(name for name in names if "/" not in name)
    found: dict[tuple[str, int], list[str]] = {}
    for name in names:
        if match := NAME.fullmatch(name):
            variant = match["variant"] or match["behind"] or ""
            found.setdefault((variant, int(match["count"] or 1)), []).append(name)
    whole = [key for key, files in found.items() if len(files) == key[1]]
    if not whole:
        return _without_names(where, names, found)
    best = min(whole, key=lambda key: (_rank(key[0]), key))
    others = sorted({variant for variant, _ in whole} - {best[0]})
    if best[0] and others:
        _log.warning("%s has weights in %s: %s is taken", where, ", ".join(others), best[0])
    return Weights(tuple(found[best]), best[0])


def _without_names(
    where: str, names: Sequence[str], found: Mapping[tuple[str, int], Sequence[str]]
) -> Weights:
    """The weights of a folder in which no set of diffusers' names is whole."""
    for (_, count), shards in found.items():
        raise BadInput(
            f"'{where}' has {len(shards)} of the {count} files that its weights are in "
            f"({', '.join(shards[:3])}): copy all of them."
        )
    own = [name for name in names if name.lower().endswith(".safetensors")]
    if len(own) == 1:
        return Weights((own[0],))
    pickled = [name for name in names if Path(name).suffix.lower() in PICKLES]
    only = (
        f"only a pickle ({pickled[0]}), which can run code when it is opened, so it is refused"
        if pickled
        else f"but {', '.join(own[:3])}: leave one"
        if own
        else "none"
    )
    raise BadInput(
        f"'{where}' has no weights in {WEIGHTS}.safetensors: {only}. Convert them with "
        "save_pretrained(…, safe_serialization=True), or take another model."
    )


def _rank(variant: str) -> int:
    return RANKS.index(variant) if variant in RANKS else len(RANKS)
