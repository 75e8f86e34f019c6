"""Pools of mined negatives, in memory and on disk, with checks, exports and imports.

A *pool* holds the negatives of one triple and side, the hardest first, with *hardness* and *risk* in a byte each
(:mod:`~pykeen_negater.pools.codec`). :class:`~pykeen_negater.pools.negative_pools.NegativePools` are the pools of a
graph; :mod:`~pykeen_negater.pools.files` keeps them in a folder, in which ``metadata.json`` describes how they were
made. They also hold *suspected positives*: corruptions that are likely true, mined or not.

To add a field of the metadata, write it at the end of mining (:mod:`~pykeen_negater.mining.run`), and describe it in
:mod:`~pykeen_negater.pools.metadata`, which refuses malformed values. An export format is a function in
:mod:`~pykeen_negater.pools.exports`.
"""
