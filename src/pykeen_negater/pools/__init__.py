"""Pools of mined negatives: in memory, on disk, checked, described, exported and imported."""
