"""Tests of :mod:`pykeen_negater.embeddings`."""
