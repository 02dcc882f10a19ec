"""Where a level's latent comes from while decoding: the policies of DESIGN section 3.

Plain values only: the recipe is made of them, and a recipe knows no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("keep", "mean", "resample", "memory", "pin")


@dataclass(frozen=True)
class Policy:
    """How one level decodes.

    Args:
        kind: One of `KINDS`.
        seed: Seed of the fresh noise ξ; read by `resample` and `memory`.
        rho: Share ρ in [0, 1] of the image's own detail; read by `memory`.
    """

    kind: str = "keep"
    seed: int = 0
    rho: float = 1.0


KEEP = Policy()
MEAN = Policy("mean")
