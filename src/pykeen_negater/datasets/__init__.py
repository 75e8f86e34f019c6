"""Datasets that PyKEEN finds by name."""
