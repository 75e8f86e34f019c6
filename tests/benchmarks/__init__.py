"""Tests of what the benchmarks use."""
