"""What each level means, in the words of labels (`python -m models.attributes`)."""
