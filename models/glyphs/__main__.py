"""`python -m models.glyphs`."""

from argparse import Namespace
from pathlib import Path

from models.data.drawn.command import run
from models.data.drawn.sets import DrawnSet
from models.data.glyphs.drawing import LETTERS, glyph_set
from models.data.glyphs.typefaces import NAME, typeface_list


def load(options: Namespace) -> DrawnSet:
    return glyph_set([options.fonts])


if __name__ == "__main__":
    run(
        NAME,
        len(LETTERS) * len(typeface_list()),
        load,
        add=lambda parser: parser.add_argument(
            "--fonts", type=Path, default=Path("/"), help="where packages were unpacked"
        ),
    )
