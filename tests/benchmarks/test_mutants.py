"""A share of what the siege sends: every damaged picture is read or refused in words."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from benchmarks import mutants
from explorer.images.decoding.pool import Decoders
from explorer.recipe.recipe import Edit, Recipe
from models.errors import BadInput
from models.policy import Policy
from models.reading.pictures import open_picture


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    running = Decoders(most=1)
    yield running
    running.close()


def test_unchanged_they_are_all_read() -> None:
    for data in mutants.originals():
        assert min(open_picture(data).size) >= 9


@pytest.mark.parametrize("seed", range(8))
def test_every_damaged_picture_is_read_or_refused_in_words(decoders: Decoders, seed: int) -> None:
    """In processes of their own, as the server does; anything else than BadInput fails here."""
    seen: Counter[str] = Counter()

    async def send() -> None:
        for number in range(40):
            data = mutants.picture(random.Random(1_000 * seed + number))
            try:
                found = await decoders.read(data, "stranger.png")
            except BadInput as error:
                assert str(error).startswith("stranger.png") and " - " in str(error)
                seen["refused"] += 1
            else:
                assert found.upload.image.mode in ("L", "RGB")
                seen["read"] += 1

    asyncio.run(send())
    assert seen["refused"] > 5 and seen["read"] > 2


def test_the_same_seed_gives_the_same_picture_and_another_another() -> None:
    made = [mutants.picture(random.Random(seed)) for seed in (1, 1, 2, 3)]
    assert made[0] == made[1] and len(set(made)) == 3


RIGHT = Recipe("0" * 16, "1" * 16, (Policy(), Policy("mean")), (Edit(1, "coordinate", 0, 1.0),))


def test_a_changed_recipe_is_read_or_refused_in_words() -> None:
    seen: Counter[str] = Counter()
    chance = random.Random(0)
    for _ in range(300):
        try:
            Recipe.from_json(mutants.recipe(RIGHT.to_dict(), chance))
        except BadInput:
            seen["refused"] += 1
    assert seen["refused"] > 50
