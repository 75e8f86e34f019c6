"""Tests of :mod:`pykeen_negater.rankers`."""
