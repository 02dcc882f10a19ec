"""The universe set: sixteen styles of drawing over pastel grounds."""
