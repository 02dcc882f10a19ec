"""`python -m models.avatars`."""

from models.avatars.drawing import AVATARS
from models.avatars.reading import AVATARS as COUNT
from models.drawn.command import run

if __name__ == "__main__":
    run(AVATARS.name, COUNT, lambda options: AVATARS)
