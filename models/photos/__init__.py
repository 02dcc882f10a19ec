"""The photos set, and how faithful a model is to photographs (`python -m models.photos`)."""
