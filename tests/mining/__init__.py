"""Tests of :mod:`pykeen_negater.mining`."""
