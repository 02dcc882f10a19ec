"""From files of every kind to pictures, bounded and checked."""
