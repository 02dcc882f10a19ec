"""The glyphs set: letters and digits in several hundred free typefaces."""
