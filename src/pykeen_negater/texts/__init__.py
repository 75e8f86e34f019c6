"""Texts of entities and relations, and the language models that read them.

:mod:`~pykeen_negater.texts.loading` finds a text for every id: in a file or mapping, or else in its label, of which
:mod:`~pykeen_negater.texts.labels` makes words, unless labels are opaque identifiers.
:mod:`~pykeen_negater.texts.readings` knows which entities read the same. :mod:`~pykeen_negater.texts.language_models`
says which language model is used, and identifies it by its content.
"""
