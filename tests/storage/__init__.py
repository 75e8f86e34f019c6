"""Tests of :mod:`pykeen_negater.storage`."""
