"""The families of models side by side, and the one list of them."""
