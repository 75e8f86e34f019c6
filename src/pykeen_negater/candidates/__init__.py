"""From neighbours to candidates: the corruptions that are considered as negatives of each triple.

A *candidate generator* (:mod:`~pykeen_negater.candidates.generators`) says which entities or relations replace a part
of a triple: any that were seen in the same slot (the default), the nearest in the slot, or the nearest anywhere. Known
triples, and what reads like one, are left out. A *budget* (:mod:`~pykeen_negater.candidates.budgets`) limits how many a
slow ranker scores. A further generator is a subclass in ``generators``, registered at its end.
"""
