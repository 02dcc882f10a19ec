"""`python -m models.universe`."""

from models.data.drawn.command import run
from models.data.universe.drawing import UNIVERSE
from models.data.universe.reading import UNIVERSE as COUNT

if __name__ == "__main__":
    run(UNIVERSE.name, COUNT, lambda options: UNIVERSE)
