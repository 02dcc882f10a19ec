"""What does not fit a declaration is told in a sentence: what is wrong and what to do."""

from __future__ import annotations

import pytest

from models.errors import BadInput
from models.storage.declared import Declared, read_declared


class Inner(Declared):
    name: str


class Outer(Declared):
    count: int
    inner: Inner
    share: float = 0.5


def read(found: dict) -> Outer:
    return read_declared(Outer, found, "a file", "Write it again.")


def test_what_fits_is_read_and_cannot_be_changed() -> None:
    found = read({"count": 3, "inner": {"name": "x"}, "share": 1})
    assert (found.count, found.inner.name, found.share) == (3, "x", 1.0)
    with pytest.raises(ValueError, match="frozen"):
        found.count = 4  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"inner": {"name": "x"}}, "a file: count is missing. Write it again."),
        (
            {"count": "3", "inner": {"name": "x"}},
            "a file: count is '3', it should be a whole number. Write it again.",
        ),
        (
            {"count": 3, "inner": {"name": 1, "more": 2}},
            "a file: inner.name is 1, it should be a text; inner.more is unknown. Write it again.",
        ),
        ({"count": 3, "inner": "x" * 99}, "…, it should be an object. Write it again."),
        (
            {"inner": {}, "a": 1, "b": 2},
            "a file: count is missing; inner.name is missing; a is unknown; and 1 more. "
            "Write it again.",
        ),
    ],
)
def test_a_fault_is_a_sentence(found: dict, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(found)
    assert str(refused.value).endswith(says)
