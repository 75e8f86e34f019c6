"""Tests of :mod:`pykeen_negater.pools`."""
