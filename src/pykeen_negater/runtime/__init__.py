"""How work is run, whatever the work is: processes, checkpoints, random states, memory, progress.

:mod:`~pykeen_negater.runtime.processes` shares work between processes, :mod:`~pykeen_negater.runtime.batch_halving`
halves batches that do not fit into memory, :mod:`~pykeen_negater.runtime.checkpoints` lets a training go on where it
was killed, :mod:`~pykeen_negater.runtime.random_state` keeps random numbers of the caller as they were, and
:mod:`~pykeen_negater.runtime.progress` shows how far a run is.
"""
