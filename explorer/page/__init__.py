"""The page's own files: its scripts, and how the page comes by them."""
