"""Measures how good negatives are, and how well models tell true triples from false ones.

:mod:`~pykeen_negater.evaluation.samplers` draws from samplers and counts the negatives that are true after all, and
measures how hard the others are for a trained model. :mod:`~pykeen_negater.evaluation.triple_classification` is a
PyKEEN evaluator against false triples that people have verified.
"""
