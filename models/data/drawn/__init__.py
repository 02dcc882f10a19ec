"""Sets of pictures that are drawn here, with labels that are known."""
