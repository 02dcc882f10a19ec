"""A model with all that was measured of it."""
