"""Tests of :mod:`pykeen_negater.corruption`."""
