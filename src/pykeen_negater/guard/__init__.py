"""The guard against false negatives, which estimates how likely a corruption is true.

Some training triples are hidden (:mod:`~pykeen_negater.guard.hold_out`) from the models that assess candidates. The
guard (:mod:`~pykeen_negater.guard.calibrated`) finds them among the answers to the queries of the others, and fits a
*risk model* (:mod:`~pykeen_negater.guard.risk_model`) on *features* of answers (:mod:`~pykeen_negater.guard.features`):
scores and ranks, similarity to known answers, frequencies, types. *Risk* (:mod:`~pykeen_negater.guard.risks`) is the
probability in multiples of that of a uniform corruption: 1 is as risky as a random negative.

To add a feature, name it and compute it in :mod:`~pykeen_negater.guard.features`; no other module depends on the list.
"""
