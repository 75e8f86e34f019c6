"""Triples as ids, keys and sets, on which all other packages build.

A *triple* is a row (head, relation, tail) of ids; a *side* is one of its columns: 0, 1 or 2. A
:class:`~pykeen_negater.triples.graphs.Graph` holds the training triples and the labels of their ids, a
:class:`~pykeen_negater.triples.indexing.TripleIndex` finds triples by one sorted number each, and
:class:`~pykeen_negater.triples.queries.Queries` holds the queries (head, relation, ?) and (?, relation, tail) with
their known answers. Files of triples are read in :mod:`~pykeen_negater.triples.tables`.
"""
