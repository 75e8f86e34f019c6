"""Tests of :mod:`pykeen_negater.cli.commands`."""
