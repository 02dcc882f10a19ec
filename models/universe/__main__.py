"""`python -m models.universe`."""

from models.drawn.command import run
from models.universe.drawing import UNIVERSE

if __name__ == "__main__":
    run(UNIVERSE, 40_000)
