"""Drawn faces whose every attribute is known."""
