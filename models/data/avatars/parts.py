"""What an avatar is put together from: the classes of each attribute and how often each comes.

Of the library's parts those are left out that are cut off by the square, ignore their colour, carry
a scene of their own (space helmets, flower crowns, hats) or look like another part. Changing a
table changes the pictures of every seed: count `models.data.avatars.drawing.DRAWING` up then.
"""

from __future__ import annotations

# class: (name in python_avatars, or a colour; weight)
Table = dict[str, tuple[str, float]]

SHORT_HAIR: Table = {
    "bald": ("NONE", 2),
    "sides": ("SIDES", 1),
    "caesar": ("CAESAR", 2),
    "flat": ("SHORT_FLAT", 2),
    "round": ("SHORT_ROUND", 2),
    "waved": ("SHORT_WAVED", 2),
    "short curly": ("SHORT_CURLY", 2),
    "spiky": ("SHORT_DREADS_1", 2),
    "wiry": ("SHORT_DREADS_2", 1),
    "quiff": ("QUIFF", 2),
    "pompadour": ("POMPADOUR", 2),
    "elvis": ("ELVIS", 1),
    "mohawk": ("MOHAWK", 1),
    "pixie": ("PIXIE", 2),
    "mowgli": ("MOWGLI", 1),
    "shaggy": ("SHAGGY", 1),
}
LONG_HAIR: Table = {
    "bob": ("BOB", 2),
    "bun": ("BUN", 2),
    "curly": ("CURLY", 2),
    "fro": ("FRO", 2),
    "shoulder": ("LONG_NOT_TOO_LONG", 2),
    "fringe": ("MIA_WALLACE", 2),
    "parted": ("STRAIGHT_1", 1),
    "straight": ("STRAIGHT_2", 2),
    "strand": ("STRAIGHT_STRAND", 2),
    "big": ("BIG_HAIR", 2),
    "curvy": ("CURVY", 1),
    "wild": ("WILD", 1),
}
_HAIR_COLOUR: Table = {
    "black": ("#2C1B18", 4),
    "dark brown": ("#4A312C", 4),
    "brown": ("#724133", 4),
    "auburn": ("#A55728", 3),
    "red": ("#C93305", 2),
    "blonde": ("#B58143", 3),
    "golden": ("#D6B370", 3),
    "platinum": ("#ECDCBF", 1.5),
    "silver": ("#E8E1E1", 1.5),
    "pink": ("#F59797", 0.8),
    "blue": ("#4C6FD1", 0.8),
    "green": ("#3E9C6B", 0.8),
}
_SKIN: Table = {
    "pale": ("#FFDBB4", 1),
    "light": ("#EDB98A", 1),
    "brown": ("#D08B5B", 1),
    "dark brown": ("#AE5D29", 1),
    "black": ("#614335", 1),
    "tanned": ("#FD9841", 0.5),
    "yellow": ("#F8D25C", 0.5),
}
_GLASSES: Table = {
    "none": ("NONE", 0.60),
    "round": ("ROUND", 0.10),
    "square": ("PRESCRIPTION_2", 0.10),
    "light": ("PRESCRIPTION_1", 0.06),
    "sunglasses": ("SUNGLASSES", 0.06),
    "wayfarers": ("WAYFARERS", 0.05),
    "kurt": ("KURT", 0.03),
}
_BEARD: Table = {
    "none": ("NONE", 0.0),  # its weight depends on the hair: see BEARD_SHARE
    "stubble": ("BEARD_LIGHT", 0.30),
    "full": ("BEARD_MEDIUM", 0.26),
    "majestic": ("BEARD_MAGESTIC", 0.16),
    "fancy moustache": ("MOUSTACHE_FANCY", 0.14),
    "moustache": ("MOUSTACHE_MAGNUM", 0.14),
}
BEARD_SHARE = {"short": 0.45, "long": 0.10}  # how many wear one under such hair
_CLOTHING: Table = {
    "blazer and shirt": ("BLAZER_SHIRT", 1),
    "blazer and sweater": ("BLAZER_SWEATER", 1),
    "collar": ("COLLAR_SWEATER", 1),
    "hoodie": ("HOODIE", 1),
    "overall": ("OVERALL", 1),
    "crew neck": ("SHIRT_CREW_NECK", 1),
    "scoop neck": ("SHIRT_SCOOP_NECK", 1),
    "v-neck": ("SHIRT_V_NECK", 1),
}
_CLOTHING_COLOUR: Table = {
    "black": ("#262E33", 1),
    "slate": ("#3C4F5C", 1),
    "grey": ("#929598", 1),
    "white": ("#FFFFFF", 1),
    "navy": ("#25557C", 1),
    "blue": ("#5199E4", 1),
    "sky": ("#65C9FF", 1),
    "mint": ("#A7FFC4", 1),
    "peach": ("#FFDEB5", 1),
    "lemon": ("#FFFFB1", 1),
    "pink": ("#FF488E", 1),
    "red": ("#FF5C5C", 1),
}
_EYES: Table = {
    "open": ("DEFAULT", 5),
    "happy": ("HAPPY", 2),
    "closed": ("CLOSED", 1),
    "sideways": ("SIDE", 1),
    "squint": ("SQUINT", 1),
    "surprised": ("SURPRISED", 1),
    "wink": ("WINK", 1),
}
_EYEBROWS: Table = {
    "calm": ("DEFAULT_NATURAL", 4),
    "raised": ("RAISED_EXCITED_NATURAL", 2),
    "angry": ("ANGRY_NATURAL", 1.5),
    "sad": ("SAD_CONCERNED_NATURAL", 1.5),
    "flat": ("FLAT_NATURAL", 1),
}
_MOUTH: Table = {
    "smile": ("SMILE", 3),
    "big smile": ("BIG_SMILE", 2),
    "content": ("TWINKLE", 2),
    "grin": ("DEFAULT", 1.5),
    "serious": ("SERIOUS", 1.5),
    "sad": ("SAD", 1),
    "amazed": ("DISBELIEF", 1),
    "teeth": ("GRIMACE", 0.7),
    "tongue": ("TONGUE", 0.7),
}
TABLES: dict[str, Table] = {
    "hair": SHORT_HAIR | LONG_HAIR,
    "hair_colour": _HAIR_COLOUR,
    "skin": _SKIN,
    "glasses": _GLASSES,
    "beard": _BEARD,
    "clothing": _CLOTHING,
    "clothing_colour": _CLOTHING_COLOUR,
    "eyes": _EYES,
    "eyebrows": _EYEBROWS,
    "mouth": _MOUTH,
}
NO_COLOUR = "none"  # the hair colour of a bald head without a beard, which shows none

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    name: (*table, NO_COLOUR) if name == "hair_colour" else tuple(table)
    for name, table in TABLES.items()
}
