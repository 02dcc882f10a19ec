"""`python -m models.universe`."""

from models.drawn.command import run
from models.universe.drawing import UNIVERSE
from models.universe.reading import UNIVERSE as COUNT

if __name__ == "__main__":
    run(UNIVERSE.name, COUNT, lambda options: UNIVERSE)
