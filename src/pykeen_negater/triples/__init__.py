"""Triples as ids and sets: keys, graphs, queries, and the files that hold triples."""
