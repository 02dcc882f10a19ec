"""`python -m models.avatars`."""

from models.data.avatars.drawing import AVATARS
from models.data.avatars.reading import AVATARS as COUNT
from models.data.drawn.command import run

if __name__ == "__main__":
    run(AVATARS.name, COUNT, lambda options: AVATARS)
