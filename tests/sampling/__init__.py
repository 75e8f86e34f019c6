"""Tests of :mod:`pykeen_negater.sampling`."""
