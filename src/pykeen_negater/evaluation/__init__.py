"""Measures the quality of negatives, and how well models tell true triples from false ones.

:mod:`~pykeen_negater.evaluation.samplers` draws from samplers and counts the negatives that are true after all, and
measures how hard the others are for a trained model. :mod:`~pykeen_negater.evaluation.triple_classification` evaluates
PyKEEN models on false triples that people have verified.
"""
