"""One picture file: its header, its frames, its colours."""
