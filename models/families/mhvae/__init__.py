"""The Markovian hierarchical VAE."""
