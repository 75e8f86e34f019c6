"""A language model that learns to tell triples from corruptions, and what is derived from it.

:mod:`~pykeen_negater.fine_tuning.job` and :mod:`~pykeen_negater.fine_tuning.trainer` fine-tune a
:mod:`~pykeen_negater.fine_tuning.classifier`, which is cached (:mod:`~pykeen_negater.fine_tuning.cached_classifier`).
NegatER-θ_r takes its :mod:`~pykeen_negater.fine_tuning.thresholds`, NegatER-∇ the norms of its
:mod:`~pykeen_negater.fine_tuning.gradients`, or a :mod:`~pykeen_negater.fine_tuning.gradient_proxy` that guesses them.
"""
