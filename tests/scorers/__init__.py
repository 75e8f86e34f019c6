"""Tests of :mod:`pykeen_negater.scorers`."""
