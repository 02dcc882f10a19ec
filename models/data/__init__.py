"""The data sets that a model is trained and tested on; `load_data` is the way in."""

from models.data.load import load_data

__all__ = ["load_data"]
