"""The glyphs as a set: `glyphs`, or `glyphs:FOLDER`."""

from __future__ import annotations

from models.data.drawn.packages import roots_of
from models.data.drawn.reading import found_set
from models.data.glyphs.drawing import glyph_set
from models.data.glyphs.typefaces import typeface_list
from models.reading.found import Found


def read_glyphs(spec: str) -> Found:
    """Every letter in every typeface.

    Raises:
        BadInput: See `roots_of` and `glyph_set`.
    """
    drawn = glyph_set(roots_of(spec))
    typefaces = typeface_list()
    facts = {
        "source": "glyphs",
        "title": "Glyphs of Debian's typefaces",
        "licence": ", ".join(sorted({typeface.licence for typeface in typefaces})),
        "packages": dict(sorted({t.package: t.version for t in typefaces}.items())),
        "licences": dict(sorted({t.package: t.licence for t in typefaces}.items())),
        "typefaces": len(typefaces),
    }
    assert drawn.most is not None
    return found_set(drawn, drawn.most, facts)
