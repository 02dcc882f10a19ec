"""Two thousand frames of the real app over a raw socket: no growth, and nothing left behind."""

from __future__ import annotations

from benchmarks.soak import Soaked, edits, soak


def test_two_thousand_frames_leave_no_file_and_no_growth() -> None:
    found = soak(2_000, "digits", quiet=True)
    assert found.frames == 2_000
    assert found.files == ()
    assert abs(found.growth) <= 0.05, f"{found.warm_bytes:,} → {found.end_bytes:,} bytes"


def test_the_verdict_can_be_bad() -> None:
    def found(end: int, *files: str) -> Soaked:
        return Soaked(1, 1.0, 1000, end, files)

    assert found(1049).passed and found(951).passed
    assert not found(1051).passed
    assert not found(1000, "temporary/a.jpg").passed


def test_no_two_recipes_of_a_soak_are_the_same() -> None:
    recipe = {"policies": [["keep", 0, 1]] * 3}
    seen = {str(edits(recipe, seq)) for seq in range(1, 3001)}
    assert len(seen) == 3000
