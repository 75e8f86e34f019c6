"""Small helpers without any knowledge of graphs: look-ups, values, durations and errors, said clearly.

Names are looked up and nearest names suggested in :mod:`~pykeen_negater.utils.resolving` and
:mod:`~pykeen_negater.utils.spelling`. What people pass or a file holds is checked in
:mod:`~pykeen_negater.utils.plain_values` and :mod:`~pykeen_negater.utils.json_kinds`. Text that terminals and pages may
show safely comes from :mod:`~pykeen_negater.utils.printable`.
"""
