"""Tests of :mod:`pykeen_negater.datasets`."""
