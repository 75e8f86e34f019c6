"""Texts of entities and relations, and the language models that read them."""
