"""Streams of noise: told apart by their purpose, and where people hold what one drew, as it was."""

from __future__ import annotations

import hashlib
import re
from itertools import combinations

import numpy as np
import pytest
import torch

from models.base import noise
from models.chain import decode
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM
from models.policy import Policy
from models.seeds import CHOICES, HASHED, KEPT, block, choices, normal, seed_of, stream
from tests.models.diffusion_toys import CURVE, Pixels, on_probabilities
from tests.running import ROOT

SEEDS = [*range(40), 2**31 - 1, 2**32, 2**40 + 15]
# Kept purposes whose rule is the seed itself: one stream at equal seeds, and they always were.
PLAIN = {"encode", "test pixels", "statistics", "classifier weights"}
COUNTS = {
    **HASHED, **dict.fromkeys(PLAIN, 1), "resample": 2, "training step": 2,
    "fixed projection": 0,
}  # fmt: skip


def first(purpose: str, *numbers: int) -> tuple[float, ...]:
    """The first draws of a stream."""
    return tuple(torch.randn(4, generator=stream(purpose, *numbers)).tolist())


def drawn(purpose: str) -> dict[tuple[float, ...], tuple[int, ...]]:
    """The first draws of a purpose at many numbers, and which these are."""
    count = COUNTS[purpose]
    numbers = [()] if not count else [(s,) for s in SEEDS] if count == 1 else (
        [(s, t) for s in SEEDS for t in (0, 1, 2, 9)]
    )  # fmt: skip
    return {first(purpose, *n): n for n in numbers}


def test_every_pair_of_purposes_draws_apart() -> None:
    """At all numbers of both, and not only at equal ones."""
    assert set(COUNTS) == set(HASHED) | set(KEPT)
    found = {purpose: drawn(purpose) for purpose in COUNTS}
    for one, other in combinations(COUNTS, 2):
        meeting = set(found[one]) & set(found[other])
        if one in KEPT and other in KEPT and not {one, other} & {"resample"}:
            continue  # what they have in common is told in docs/seeds.md
        assert not meeting, (one, other, [(found[one][m], found[other][m]) for m in meeting])


@pytest.mark.parametrize("purpose", list(HASHED))
def test_other_numbers_are_other_streams(purpose: str) -> None:
    assert len(drawn(purpose)) == len(SEEDS)


def test_a_generator_of_torch_keeps_32_bits_of_a_seed() -> None:
    """Why a large number as a seed is no stream of its own."""
    a, b = (torch.Generator().manual_seed(s) for s in (15, 2**40 + 15))
    assert torch.equal(torch.randn(9, generator=a), torch.randn(9, generator=b))
    assert all(0 <= seed_of(purpose, 3) < 2**32 for purpose in HASHED)


def test_the_hash_by_hand() -> None:
    digest = hashlib.sha256(b'["embedding", 3]').hexdigest()
    assert seed_of("embedding", 3) == int(digest[:8], 16)


def test_what_people_hold_is_drawn_as_it_was() -> None:
    """Recipes, test sets, statistics and runs of before there was a table of streams."""
    raw = torch.randn(
        7, generator=torch.Generator().manual_seed(5 * 1_000_003 + 2 * 7_919 + 12_345)
    )
    assert torch.equal(noise(5, 2, (7,)), raw)
    large = (2**31 - 1) * 1_000_003 + 3 * 7_919 + 12_345
    assert torch.equal(
        noise(2**31 - 1, 3, (7,)), torch.randn(7, generator=torch.Generator().manual_seed(large))
    )
    for purpose in PLAIN:
        assert seed_of(purpose, 11) == 11
    assert seed_of("training step", 3, 100) == 3 * 2_000_003 + 100
    assert seed_of("fixed projection") == 0
    for purpose, count in CHOICES.items():
        numbers = (4, 9)[:count]
        assert choices(purpose, *numbers).random() == np.random.default_rng(numbers).random()
    assert choices("held-out pictures", 4).random() == np.random.default_rng(4).random()
    assert block(0, 7, 2).random() != block(0, 7, 3).random()


def test_no_resample_replays_the_noise_that_a_diffusion_is_embedded_with() -> None:
    config = VDMConfig((1, 4, 4), "bernoulli", CURVE, 5, "sample")
    model = VDM(config, Pixels(on_probabilities(4), CURVE)).double()
    trace = model.embed(torch.ones(1, 1, 4, 4, dtype=torch.float64))
    for t in range(1, 6):
        q = trace.q(t)
        own = ((trace.z[t] - q.mean) / q.stddev)[0].float()
        torch.testing.assert_close(own, normal((1, 4, 4), "embedding", t))
        for seed in range(200):
            assert float((noise(seed, t, (1, 4, 4)) - own).abs().max()) > 0.1
    replayed = decode(model, trace, (Policy("resample", 15),) * 5)
    assert float((replayed[5] - trace.z[5]).abs().max()) > 0.1


@pytest.mark.parametrize(
    ("purpose", "numbers"), [("embeding", (1,)), ("terms", ()), ("terms", (1, 2)), ("order", (1,))]
)
def test_a_stream_that_is_in_no_table_is_refused(purpose: str, numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"no stream '{purpose}'"):
        (choices if purpose in CHOICES else stream)(purpose, *numbers)


def test_all_seeds_are_made_in_one_room() -> None:
    """A generator that is seeded elsewhere is in no table, so no test would tell it apart."""
    seeding = re.compile(
        r"manual_seed|default_rng|RandomState|random\.seed|Philox\(|\.initial_seed"
    )
    rooms = [p for top in ("models", "explorer") for p in (ROOT / top).rglob("*.py")]
    found = {p.relative_to(ROOT).as_posix() for p in rooms if seeding.search(p.read_text())}
    assert found == {"models/seeds.py"}
    assert not seeding.search((ROOT / "app.py").read_text())


def test_the_page_on_streams_names_them_all() -> None:
    page = (ROOT / "docs/seeds.md").read_text()
    for purpose in (*HASHED, *KEPT, *CHOICES):
        assert f"| {purpose} |" in page, purpose
