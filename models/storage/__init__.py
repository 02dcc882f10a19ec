"""Files that change all at once, and the strict folder of a model; no family is known here."""
