"""Tests of :mod:`pykeen_negater.distillation`."""
