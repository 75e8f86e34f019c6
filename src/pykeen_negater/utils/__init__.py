"""Small helpers that know nothing of graphs: look-ups by name, checks of values, durations, clear errors.

Names are looked up, and similar names suggested, in :mod:`~pykeen_negater.utils.resolving` and
:mod:`~pykeen_negater.utils.spelling`. Arguments and the contents of files are checked in
:mod:`~pykeen_negater.utils.plain_values` and :mod:`~pykeen_negater.utils.json_kinds`. Text is made safe for terminals
and pages in :mod:`~pykeen_negater.utils.printable`.
"""
