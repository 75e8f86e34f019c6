"""Rankers, which score candidates, one per module.

A *ranker* says how hard each candidate is as a negative (higher is harder), and which candidates it accepts as
negatives at all. Fast ones score a shard at a time; *budgeted* ones, which use a language model, score a chosen number
of corrupted triples once. Both build on :mod:`~pykeen_negater.rankers.context`, which offers graph, texts, vectors,
scorers and cache.

To add a ranker, subclass :class:`~pykeen_negater.rankers.base.Ranker` in a module of its own, and list it in
:data:`pykeen_negater.typing.RANKERS`; other packages can register a class in :mod:`~pykeen_negater.rankers.resolver`.
"""
