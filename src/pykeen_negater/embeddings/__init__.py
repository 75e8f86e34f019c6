"""From entities to vectors, and from vectors to nearest neighbours.

An *encoder* (:mod:`~pykeen_negater.embeddings.encoders`) gives every entity a vector, made from its text or the graph's
structure, or read from a file. A *neighbour index* (:mod:`~pykeen_negater.embeddings.neighbors`) finds the nearest of
these vectors: exactly in small graphs, approximately with FAISS in large ones, with the recall measured.

To add an encoder, subclass :class:`~pykeen_negater.embeddings.encoders.Encoder` and register it in
:data:`~pykeen_negater.embeddings.encoders.encoder_resolver`; its name for ``--help`` goes into
:mod:`pykeen_negater.typing`.
"""
