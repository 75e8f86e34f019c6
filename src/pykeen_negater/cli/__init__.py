"""The command ``negater``: the only package that talks to a terminal.

Each command is a module of :mod:`~pykeen_negater.cli.commands`; options that several share are in ``options`` there.
:mod:`~pykeen_negater.cli.configuration` lets a YAML or JSON file, or a configuration of NegatER's, give the options.
Slow imports are done when a command runs, so that ``--help`` answers at once.
"""
