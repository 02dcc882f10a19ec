"""report.html: what a checkpoint is worth, in one file."""
