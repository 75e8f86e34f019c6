"""Tests of :mod:`pykeen_negater.evaluation`."""
