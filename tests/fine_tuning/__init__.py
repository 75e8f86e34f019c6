"""Tests of :mod:`pykeen_negater.fine_tuning`."""
