"""Tests of :mod:`pykeen_negater.relations`."""
