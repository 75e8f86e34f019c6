"""Small models that score all answers of a query at once, trained in minutes on the graph itself.

A scorer turns queries and answers into vectors whose dot product is the score: :mod:`~pykeen_negater.scorers.probe`
from frozen vectors of entities, and :mod:`~pykeen_negater.scorers.factorization` from the triples alone. The default
ranker and the guard use both. :mod:`~pykeen_negater.scorers.kge_models` trains PyKEEN's models. A further scorer is a
subclass of the base class in :mod:`~pykeen_negater.scorers.base`.
"""
