"""Tests of :mod:`pykeen_negater.guard`."""
