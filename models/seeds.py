"""Every stream of random numbers: what it is for, and the seed that this and its numbers give.

torch's generator on the CPU keeps 32 bits of a seed: to it 2^40 + 15 is 15. So streams of different
purposes are told apart by hashing the purpose into these bits:

    seed = the first 32 bits of SHA-256(purpose, numbers)

Some purposes are older than this rule, and what they draw is in people's hands: recipes, runs that
go on, test sets that numbers were measured on. Each of `KEPT` has the rule that it always had. At
equal numbers some of them are one stream, of things that no measure brings together: docs/seeds.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

KEPT_BITS = 32  # of a seed, by torch's generator on the CPU


def _itself(seed: int) -> int:
    return seed


# The numbers of each purpose are what its rule takes.
KEPT: Mapping[str, Callable[..., int]] = {
    "resample": lambda seed, level: (seed * 1_000_003 + level * 7_919 + 12_345) % (2**63 - 1),
    "encode": _itself,
    "test pixels": _itself,
    "statistics": _itself,
    "training step": lambda seed, step: seed * 2_000_003 + step,
    "classifier weights": _itself,
    "fixed projection": lambda: 0,
}
# How many numbers each purpose takes.
HASHED: Mapping[str, int] = {
    "embedding": 1,  # the level
    "terms": 1,  # the seed, as of all below
    "active units": 1,
    "active units of Burda et al.": 1,
    "deletion": 1,
    "initial weights": 1,
}
# Of numpy, whose generator hashes all numbers by itself; each is as it always was.
CHOICES: Mapping[str, int] = {
    "held-out pictures": 1,  # the seed
    "deep images": 1,
    "order": 2,  # the seed and the epoch
    "classifier order": 2,
    "avatar": 2,  # the seed and the number of the picture
    "universe": 2,
    "glyph order": 1,
    "crops": 2,  # the seed and a number of the photograph's own
}


def seed_of(purpose: str, *numbers: int) -> int:
    """The seed of a stream, from 0 to 2³² − 1; ValueError for a purpose or a count of numbers
    that is not in the tables."""
    if purpose in KEPT:
        return KEPT[purpose](*map(int, numbers)) % 2**KEPT_BITS
    _check(HASHED, purpose, numbers)
    named = json.dumps([purpose, *map(int, numbers)]).encode()
    return int.from_bytes(hashlib.sha256(named).digest()[: KEPT_BITS // 8], "big")


def stream(purpose: str, *numbers: int) -> torch.Generator:
    """A generator on the CPU, so that every device draws the same."""
    return torch.Generator().manual_seed(seed_of(purpose, *numbers))


def normal(shape: tuple[int, ...], purpose: str, *numbers: int) -> Tensor:
    """Standard normal noise that is a function of the purpose and its numbers, on the CPU."""
    return torch.randn(shape, generator=stream(purpose, *numbers))


def seed_torch(purpose: str, *numbers: int) -> None:
    """Seed torch's own generator, which fresh weights are drawn from."""
    torch.manual_seed(seed_of(purpose, *numbers))


def choices(purpose: str, *numbers: int) -> np.random.Generator:
    """A generator of numpy, for permutations and drawn pictures."""
    _check(CHOICES, purpose, numbers)
    return np.random.default_rng(numbers)


def block(seed: int, image: int, number: int) -> np.random.Generator:
    """The stream of one block of draws of one test image.

    Philox counts instead of remembering, so that any block is reached at once, and no two
    (seed, image, number) share a stream, which in 32 bits of a seed they would.
    """
    counter = np.array([0, 0, 0, number], np.uint64)
    return np.random.Generator(
        np.random.Philox(key=np.array([seed, image], np.uint64), counter=counter)
    )


def _check(table: Mapping[str, int], purpose: str, numbers: tuple[int, ...]) -> None:
    if table.get(purpose) != len(numbers):
        raise ValueError(f"no stream '{purpose}' of {len(numbers)} number(s): see models/seeds.py")
