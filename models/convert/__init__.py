"""Published checkpoints of others as folders of ours (`python -m models.convert`)."""
