"""The avatars set: cartoon faces whose attributes are known."""
