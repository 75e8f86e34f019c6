"""Encodes pairs of words as vectors of their relation."""

from pykeen_negater.relations import RelationEncoder

encoder = RelationEncoder()  # the embedded MiniLM, not trained for relations yet
one = encoder.get_embedding(["Tokyo", "Japan"])
several = encoder.get_embedding([["Tokyo", "Japan"], ["Paris", "France"]])
print(one.shape, several.shape)
