"""Measures the quality of negatives, and how well models tell true triples from false ones.

:mod:`~pykeen_negater.evaluation.samplers` draws from samplers and counts the negatives that are true after all, and
measures how hard the others are for a trained model. :mod:`~pykeen_negater.evaluation.triple_classification` evaluates
PyKEEN models on false triples that people have verified.

Three modules look closer at a trained model: :mod:`~pykeen_negater.evaluation.strata` ranks by how near and how
frequent the answers are, :mod:`~pykeen_negater.evaluation.plausible` among candidates that fit the relation, both with
:mod:`~pykeen_negater.evaluation.query_ranks`, and :mod:`~pykeen_negater.evaluation.calibration` makes probabilities of
scores.
"""
