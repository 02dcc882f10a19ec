"""Sets of picture files: in a folder, a zip or a tar."""
