"""Texts of entities and relations, and the language models that read them.

:mod:`~pykeen_negater.texts.loading` finds a text for every id: in a file or mapping, or else from its label, which
:mod:`~pykeen_negater.texts.labels` turns into words unless labels are opaque identifiers.
:mod:`~pykeen_negater.texts.readings` finds entities that read the same. :mod:`~pykeen_negater.texts.language_models`
finds the language model, and identifies it by its content.
"""
