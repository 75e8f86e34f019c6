"""Tests of :mod:`pykeen_negater.triples`."""
