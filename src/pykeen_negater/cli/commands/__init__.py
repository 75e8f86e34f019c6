"""The commands of ``negater``, each in a module of its own; what several of them share is in ``options``.

What takes long to import is imported when a command runs, so that ``--help`` does not wait for it.
"""
