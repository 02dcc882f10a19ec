"""The universe set: drawn pictures in sixteen styles."""
