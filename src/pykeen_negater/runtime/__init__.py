"""How work of any kind is run: processes, checkpoints, random states, memory, progress.

:mod:`~pykeen_negater.runtime.processes` shares work between processes, :mod:`~pykeen_negater.runtime.batch_halving`
halves batches that do not fit into memory, :mod:`~pykeen_negater.runtime.checkpoints` lets a killed training run go on,
:mod:`~pykeen_negater.runtime.random_state` keeps the caller's random states as they were, and
:mod:`~pykeen_negater.runtime.progress` shows how far a run is.
"""
