"""Tests of :mod:`pykeen_negater.utils`."""
