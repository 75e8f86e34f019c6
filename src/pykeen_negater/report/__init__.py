"""Reports of what mining has found: a page to open in a browser, or tables in a terminal.

:mod:`~pykeen_negater.report.content` gathers what there is to say, once for both. Of its parts,
:mod:`~pykeen_negater.report.coverage` counts negatives, :mod:`~pykeen_negater.report.reasons` says why candidates are
none, :mod:`~pykeen_negater.report.levels` how scores and risks are spread, :mod:`~pykeen_negater.report.examples`
chooses negatives to read, :mod:`~pykeen_negater.report.search` makes all of them searchable,
:mod:`~pykeen_negater.report.phrases` makes their texts harmless, :mod:`~pykeen_negater.report.comparison` puts samplers
beside one another, and :mod:`~pykeen_negater.report.verdict` says what is to be expected.
:mod:`~pykeen_negater.report.page` makes a page of that, with pictures from :mod:`~pykeen_negater.report.figures`, and
:mod:`~pykeen_negater.report.text` tables.
"""
