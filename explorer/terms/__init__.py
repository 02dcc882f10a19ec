"""What an image costs a model, term by term."""
