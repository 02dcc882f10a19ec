"""Which models there are, loaded and made ready to draw."""
