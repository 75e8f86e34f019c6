"""Draws the negatives of a batch from pools, in training.

:mod:`~pykeen_negater.sampling.sampler` is PyKEEN's ``negater``. For a share of the positives of a batch, all negatives
are *mined* (:mod:`~pykeen_negater.sampling.mined`); the others get random ones from a *base sampler*, which are
*redrawn* (:mod:`~pykeen_negater.sampling.redrawn`) where the guard finds them too likely true
(:mod:`~pykeen_negater.sampling.avoidance`); a few are *loops* (:mod:`~pykeen_negater.sampling.self_loops`).

A new way of drawing from a pool is a :data:`~pykeen_negater.sampling.mined.Strategy`; a new source of negatives is a
module beside these, which the sampler calls. Nothing here may import a language model's libraries.
"""
