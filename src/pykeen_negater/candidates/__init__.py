"""Candidates: the corruptions that are considered as negatives of each triple.

A *candidate generator* (:mod:`~pykeen_negater.candidates.generators`) proposes entities or relations to replace a part
of a triple: any that occur in the same slot (the default), the nearest in the slot, or the nearest anywhere. Known
triples, and triples that read like one, are left out. A *budget* (:mod:`~pykeen_negater.candidates.budgets`) limits the
number that a slow ranker scores. A further generator is a subclass in ``generators``, registered at its end.
"""
