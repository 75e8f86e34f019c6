"""Tests of :mod:`pykeen_negater.candidates`."""
