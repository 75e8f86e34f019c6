"""False triples for the training of a language model, one kind per module.

A *corruptor* (:mod:`~pykeen_negater.corruption.corruptions`) draws a negative for each true triple, anew in each epoch:
from the slot, at random, from a few hops away, among given phrases, or with one of PyKEEN's samplers. A *negative
source* (:mod:`~pykeen_negater.corruption.sources`) makes a corruptor from parameters, by name. A further kind is a
corruptor in a module of its own, and a source registered there.
"""
