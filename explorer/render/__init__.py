"""From a recipe to a frame; torch, but no page."""
