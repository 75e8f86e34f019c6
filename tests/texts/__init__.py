"""Tests of :mod:`pykeen_negater.texts`."""
