"""Pools of mined negatives: in memory, on disk, checked, described, exported and imported.

A *pool* holds the negatives of one triple and side, the hardest first, with *hardness* and *risk* in a byte each
(:mod:`~pykeen_negater.pools.codec`). :class:`~pykeen_negater.pools.negative_pools.NegativePools` are the pools of a
graph; :mod:`~pykeen_negater.pools.files` keeps them in a folder, of which ``metadata.json`` says where they come from.
They also hold *suspected positives*, suspected positives: corruptions that are likely true, mined or not.

A further field of the metadata is written at the end of mining (:mod:`~pykeen_negater.mining.run`) and described in
:mod:`~pykeen_negater.pools.metadata`, which refuses what is malformed; an export format is a function in
:mod:`~pykeen_negater.pools.exports`.
"""
