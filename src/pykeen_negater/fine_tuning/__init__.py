"""Fine-tunes a language model to tell triples from corruptions, and derives thresholds and gradient norms from it.

:mod:`~pykeen_negater.fine_tuning.job` and :mod:`~pykeen_negater.fine_tuning.trainer` fine-tune a
:mod:`~pykeen_negater.fine_tuning.classifier`, which is cached (:mod:`~pykeen_negater.fine_tuning.cached_classifier`).
NegatER-θ_r takes its :mod:`~pykeen_negater.fine_tuning.thresholds`, NegatER-∇ the norms of its
:mod:`~pykeen_negater.fine_tuning.gradients`, or a :mod:`~pykeen_negater.fine_tuning.gradient_proxy` that estimates
them.
"""
