"""Datasets that PyKEEN finds by name: NegatER's samples of ConceptNet.

A dataset is a class in a module of its own, and an entry point in ``pyproject.toml``.
"""
