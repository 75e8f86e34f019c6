"""Datasets that PyKEEN finds by name: NegatER's samples of ConceptNet.

A dataset is a class in a module of its own, and an entry point in ``setup.cfg``. PyKEEN asks for it while it loads its
own datasets, which therefore come first, whatever is imported first.
"""

import pykeen.datasets  # noqa: F401
