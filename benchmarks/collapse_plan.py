"""The runs of the ablation of recipes against collapse, one at a time from the plain objective."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = {1: "50", 2: "50,25", 3: "50,25,12", 4: "50,25,16,10", 5: "50,32,20,14,10"}
NETWORK = ("--likelihood=bernoulli", "--width=200", "--blocks=1")
TRAINING = ("--batch=128", "--lr=2e-3", "--seed=0")


@dataclass(frozen=True)
class Ablation:
    """One training.

    Args:
        name: Its folder.
        depth: The number of levels T.
        recipe: What was switched on, for the table.
        options: The options of `models.train` that do it; everything else is plain.
    """

    name: str
    depth: int
    recipe: str
    options: tuple[str, ...] = ()

    def arguments(self, data: str, out: str, steps: int) -> list[str]:
        """The whole command line of `models.train`."""
        plain = {"--free-bits": "0", "--kl-warmup": "0"}
        given = dict(option.split("=", 1) for option in self.options)
        return [
            f"--data={data}", f"--out={out}", f"--steps={steps}", f"--levels={LEVELS[self.depth]}",
            *NETWORK, *TRAINING, *(f"{key}={value}" for key, value in (plain | given).items()),
        ]  # fmt: skip


FREE, TARGETS = "--free-bits=5", "--rate-targets="
WEIGHTED = ("--samples=8", "--weighted-from=0.5")
RUNS = (
    *(Ablation(f"t{depth}-plain", depth, "plain") for depth in LEVELS),
    *(Ablation(f"t{depth}-free-bits", depth, "free bits, 5 nats", (FREE,))
      for depth in LEVELS if depth > 1),
    Ablation("t3-warm-up", 3, "KL warm-up, 30 %", ("--kl-warmup=0.3",)),
    Ablation("t3-targets", 3, "rate targets 12, 6, 6", (f"{TARGETS}12,6,6",)),
    Ablation("t5-targets", 5, "rate targets 10, 5, 5, 5, 5", (f"{TARGETS}10,5,5,5,5",)),
    Ablation("t3-greedy", 3, "greedy, 40 %", ("--greedy=0.4",)),
    Ablation("t3-greedy-free-bits", 3, "greedy, 40 %, and free bits", ("--greedy=0.4", FREE)),
    Ablation("t3-fixed-top", 3, "fixed top, 75 % signal", ("--fixed-top=0.75",)),
    Ablation("t3-no-norm", 3, "no normalisation", ("--norm=none",)),
    Ablation("t3-no-norm-free-bits", 3, "no normalisation, free bits", ("--norm=none", FREE)),
    Ablation("t3-weighted", 3, "importance-weighted, K = 8", WEIGHTED),
    Ablation("t3-free-bits-weighted", 3, "free bits, then importance-weighted",
             (FREE, *WEIGHTED)),
    Ablation("t5-free-bits-weighted", 5, "free bits, then importance-weighted",
             (FREE, *WEIGHTED)),
)  # fmt: skip
