"""The glyphs set: letters and digits in free typefaces, and how those were chosen."""
