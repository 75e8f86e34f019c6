"""Tests of :mod:`pykeen_negater.runtime`."""
