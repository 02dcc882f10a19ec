"""Pictures of visitors: uploaded, decoded, cut to a side, opened with a model."""
