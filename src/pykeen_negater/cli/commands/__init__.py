"""The commands of ``negater``, each in a module of its own; options that several share are in ``options``.

Slow imports are done when a command runs, so that ``--help`` does not wait for them.
"""
