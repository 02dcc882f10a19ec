"""Whatever a person has becomes a `Checkpoint`: a folder, a published model, a class."""
