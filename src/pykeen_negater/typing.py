"""The names that settings accept, without the classes behind them, so that ``--help`` and completion load fast."""

from typing import Literal, TypeAlias

__all__ = [
    "CANDIDATE_GENERATORS",
    "ENCODERS",
    "NEGATIVE_SOURCES",
    "RANKERS",
    "SIDE_NAMES",
    "ExportFormat",
    "GuardName",
    "Metric",
]

#: PyKEEN's names of the parts of a triple, in their order
SIDE_NAMES = ("head", "relation", "tail")

#: Encoders, which turn entities into vectors, see :data:`~pykeen_negater.embeddings.encoders.encoder_resolver`
ENCODERS = ("sentence-transformer", "structural", "precomputed")

#: Candidate generators, which propose replacements, see
#: :data:`~pykeen_negater.candidates.generators.candidate_generator_resolver`
CANDIDATE_GENERATORS = ("random", "slot", "intersect", "anywhere")

#: Rankers, which decide how hard a negative is, by name: the module in :mod:`pykeen_negater.rankers` and the class, the
#: default first. :data:`~pykeen_negater.rankers.resolver.ranker_resolver` is made from it.
RANKERS = {
    "probe": ("probe", "ProbeRanker"),
    "similarity": ("similarity", "SimilarityRanker"),
    "kge": ("kge", "KGERanker"),
    "thresholds": ("fine_tuned", "ThresholdsRanker"),
    "full-gradients": ("gradients", "FullGradientsRanker"),
    "proxy-gradients": ("gradients", "ProxyGradientsRanker"),
    "relation-embedding": ("relation_embedding", "RelationEmbeddingRanker"),
}

#: Sources of the negatives that a language model is fine-tuned to tell from true triples, see
#: :data:`~pykeen_negater.corruption.sources.negative_source_resolver`
NEGATIVE_SOURCES = ("antonyms", "negation", "precomputed", "pykeen", "random", "sans", "slots", "uniform")

#: How the nearness of two vectors is measured: Euclidean distance, or the cosine of their angle
Metric: TypeAlias = Literal["l2", "cosine"]

#: Guards, which keep out candidates that may be true
GuardName: TypeAlias = Literal["calibrated", "thresholds"]

#: Formats of exported negatives. ``tsv``: head, relation, tail and score, without a header, each negative once, by
#: relation. ``negater``: the same as NegatER writes and reads it, with a header, the hardest first. ``triples``:
#: without scores, as PyKEEN reads triples. ``parquet``: one row per positive and negative, with both. ``triplets``: a
#: Parquet file of texts to train encoders with, see :func:`pykeen_negater.pools.exports.to_triplets`.
ExportFormat: TypeAlias = Literal["tsv", "negater", "triples", "parquet", "triplets"]
