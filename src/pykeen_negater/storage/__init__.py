"""Files that survive a crash: a cache keyed by content, atomic files and folders, checksums.

Every step of mining keeps its result in the :mod:`~pykeen_negater.storage.cache`, under a fingerprint of everything
that the result depends on, so that it is computed once, and never taken for that of other inputs. A file or folder
appears under its name whole or not at all (:mod:`~pykeen_negater.storage.atomic_writing`), and
:mod:`~pykeen_negater.storage.checksums` reveal damage.
"""
