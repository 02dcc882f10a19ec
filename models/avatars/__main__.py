"""`python -m models.avatars`."""

from models.avatars.drawing import AVATARS
from models.drawn.command import run

if __name__ == "__main__":
    run(AVATARS, 20_000)
