"""Tests of :mod:`pykeen_negater.report`."""
