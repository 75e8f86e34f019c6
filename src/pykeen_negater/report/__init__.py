"""Reports on mined pools: a page for a browser, or tables in a terminal.

:mod:`~pykeen_negater.report.content` gathers the content of both. Of its parts,
:mod:`~pykeen_negater.report.coverage` counts negatives, :mod:`~pykeen_negater.report.reasons` explains why candidates
were not kept, :mod:`~pykeen_negater.report.levels` counts scores and risks by level,
:mod:`~pykeen_negater.report.examples` chooses negatives to read, :mod:`~pykeen_negater.report.search` makes all of them
searchable,
:mod:`~pykeen_negater.report.phrases` makes their texts safe to show, :mod:`~pykeen_negater.report.comparison` compares
samplers, and :mod:`~pykeen_negater.report.verdict` says what to expect. :mod:`~pykeen_negater.report.page` makes a page
of the content, with charts from :mod:`~pykeen_negater.report.figures`, and :mod:`~pykeen_negater.report.text` makes
tables.
"""
