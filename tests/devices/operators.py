"""Which operators a device has in the installed torch, from torch's own list of its kernels.

Every entry of `native_functions.yaml` names the devices that it has a kernel for, or says that it
is composed of others (then every device has it), or points to the entry that has the kernel. torch
ships the file. Read line by line: as YAML it would take seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

COMPOSED = "Composite"  # the beginning of the keys of what every device has
# What torch takes in their place on other devices.
STANDS_FOR_OTHERS = re.compile(r"_scaled_dot_product_flash_attention_for_cpu(_backward)?")
# Registered for MPS outside of the list (aten/src/ATen/mps/MPSFallback.mm): computed on the CPU,
# with a warning.
MPS_LEAVES_TO_CPU = ("_linalg_svd", "linalg_svd", "col2im", "embedding_renorm_")


@dataclass
class Entry:
    """One operator.

    Args:
        keys: What it has kernels for: "CPU", "CUDA", "MPS", "CompositeExplicitAutograd", …
        delegate: The entry that has the kernels in its place.
        mixes: Whether torch lets a number on the CPU (a tensor without dimensions) meet tensors of
            a device; otherwise all have to be on one.
    """

    keys: set[str] = field(default_factory=set)
    delegate: str | None = None
    mixes: bool = False


@cache
def entries() -> dict[str, Entry]:
    """All operators of the installed torch, by name and overload ("add.Tensor")."""
    package = find_spec("torchgen")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "packaged/ATen/native/native_functions.yaml"
    found: dict[str, Entry] = {}
    entry, inside = Entry(), False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("- func: "):
            entry, inside = Entry(), False
            found[line.removeprefix("- func: ").split("(")[0]] = entry
        elif inside and (match := re.match(r"    (\w[\w, ]*):", line)):
            entry.keys |= {key.strip() for key in match[1].split(",")}
        elif match := re.match(r"  (\w+): *([^#]*)", line):
            key, value = match[1], match[2].strip()
            inside = key == "dispatch"
            if key == "structured_delegate":
                entry.delegate = value
            if key == "ufunc_inner_loop":  # the kernels of these two are made from it
                entry.keys |= {"CPU", "CUDA"}
            entry.mixes |= (key, value) == ("device_check", "NoCheck")
            if key == "autogen":  # made from this entry, for every device
                found |= {name: Entry({COMPOSED}) for name in re.split(r"[, ]+", value)}
    return found


def entry_of(name: str, overload: str) -> Entry | None:
    """The entry of an operator; None for one that is not of torch itself."""
    return entries().get(name if overload == "default" else f"{name}.{overload}")


def has_kernel(kind: str, name: str, overload: str) -> bool:
    """Whether an operator runs on a kind of device, "cuda" or "mps"."""
    entry = entry_of(name, overload)
    if entry is None or STANDS_FOR_OTHERS.fullmatch(name):
        return True
    if entry.delegate is not None:
        entry = entries()[entry.delegate]
    return not entry.keys or any(
        key == kind.upper() or key.startswith(COMPOSED) for key in entry.keys
    )
