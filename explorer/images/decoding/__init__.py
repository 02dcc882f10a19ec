"""Files of visitors are decoded here: in processes of their own, within limits."""
