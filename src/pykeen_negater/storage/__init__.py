"""Files that survive a crash: a cache by content, atomic files and folders, checksums.

Every step of mining keeps its result in the :mod:`~pykeen_negater.storage.cache`, under a fingerprint of all that the
result depends on, so that it is computed once, and never taken for that of other inputs. A file or folder appears under
its name whole or not at all (:mod:`~pykeen_negater.storage.atomic_writing`), and damage is noticed by
:mod:`~pykeen_negater.storage.checksums`.
"""
