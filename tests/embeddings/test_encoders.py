"""Encoders, each with real models and files."""

import math
from collections import Counter

import numpy as np
import pytest
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from pykeen_negater.embeddings.encoders import (
    PrecomputedEncoder,
    SentenceTransformerEncoder,
    StructuralEncoder,
    encoder_resolver,
)
from pykeen_negater.triples.graphs import Graph

from ..cases import EncoderTestCase, concrete_cases, random_graph, random_vectors


def test_every_encoder_has_a_test_case():
    assert {case.cls for case in concrete_cases(EncoderTestCase)} == set(encoder_resolver)


def test_resolver_names():
    assert encoder_resolver.lookup(None) is SentenceTransformerEncoder
    assert encoder_resolver.lookup("sentence-transformer") is SentenceTransformerEncoder
    assert encoder_resolver.lookup("precomputed") is PrecomputedEncoder
    assert encoder_resolver.lookup("structural") is StructuralEncoder


class TestSentenceTransformerEncoder(EncoderTestCase):
    """The embedded MiniLM."""

    cls = SentenceTransformerEncoder

    @pytest.fixture(scope="class")
    def encoder(self):
        return SentenceTransformerEncoder(batch_size=2)

    def test_equal_texts_have_equal_vectors(self, vectors):
        np.testing.assert_array_equal(vectors[0], vectors[3])
        assert len(np.unique(vectors, axis=0)) == 4

    def test_dimension_is_the_models(self, vectors):
        assert vectors.shape == (5, 384)

    def test_texts_are_needed(self, encoder, graph):
        assert encoder.needs_texts
        with pytest.raises(ValueError, match=r"SentenceTransformerEncoder needs texts.*structural"):
            encoder.encode(graph, None)

    def test_identity_depends_on_model_and_length(self, encoder, tmp_path):
        (tmp_path / "config.json").write_text("{}")
        others = [SentenceTransformerEncoder(max_length=9), SentenceTransformerEncoder(model=str(tmp_path))]
        assert all(other.identify() != encoder.identify() for other in others)
        assert SentenceTransformerEncoder(batch_size=9).identify() == encoder.identify()


class TestPrecomputedEncoder(EncoderTestCase):
    """Vectors in a NumPy file."""

    cls = PrecomputedEncoder

    @pytest.fixture(scope="class")
    def encoder(self, tmp_path_factory):
        vectors = random_vectors(0, 5).astype(np.float64)
        vectors[3] = vectors[0]
        path = tmp_path_factory.mktemp("vectors") / "vectors.npy"
        np.save(path, vectors)
        return PrecomputedEncoder(path=path)

    def test_vectors_are_those_of_the_file(self, encoder, vectors):
        np.testing.assert_array_equal(vectors, np.load(encoder.path).astype(np.float32))

    def test_identity_depends_on_the_content_only(self, encoder, tmp_path):
        same, other = tmp_path / "same.npy", tmp_path / "other.npy"
        same.write_bytes(encoder.path.read_bytes())
        np.save(other, random_vectors(1, 5))
        assert PrecomputedEncoder(path=same).identify() == encoder.identify()
        assert PrecomputedEncoder(path=other).identify() != encoder.identify()

    def test_single_tensor_of_a_safetensors_file(self, graph, tmp_path):
        save_file({"anything": random_vectors(2, 5)}, tmp_path / "a.safetensors")
        encoded = PrecomputedEncoder(path=str(tmp_path / "a.safetensors")).encode(graph, None)
        np.testing.assert_array_equal(encoded, random_vectors(2, 5))

    def test_named_tensor_of_a_safetensors_file(self, graph, tmp_path):
        save_file({"a": random_vectors(2, 5), "b": random_vectors(3, 5)}, tmp_path / "a.safetensors")
        encoded = PrecomputedEncoder(path=tmp_path / "a.safetensors", tensor="b").encode(graph, None)
        np.testing.assert_array_equal(encoded, random_vectors(3, 5))

    @pytest.mark.parametrize(("names", "tensor"), [("ab", None), ("ab", "c"), ("a", "c"), ("", None)])
    def test_unknown_or_ambiguous_tensor(self, graph, tmp_path, names, tensor):
        save_file({name: random_vectors(2, 5) for name in names}, tmp_path / "a.safetensors")
        with pytest.raises(ValueError, match=rf"holds the tensors \[.*\]: name one of them, found {tensor!r}"):
            PrecomputedEncoder(path=tmp_path / "a.safetensors", tensor=tensor).encode(graph, None)

    @pytest.mark.parametrize("shape", [(4, 3), (6, 3), (5,), (5, 3, 1)])
    def test_wrong_shape(self, graph, tmp_path, shape):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        with pytest.raises(ValueError, match=rf"found vectors of shape \({shape[0]},.*\), expected \(5, dim\)"):
            PrecomputedEncoder(path=tmp_path / "a.npy").encode(graph, None)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_not_finite(self, graph, tmp_path, value):
        vectors = random_vectors(0, 5)
        vectors[2, 1] = value
        np.save(tmp_path / "a.npy", vectors)
        with pytest.raises(ValueError, match="found NaN or infinite values, expected finite"):
            PrecomputedEncoder(path=tmp_path / "a.npy").encode(graph, None)

    def test_missing_file(self, graph, tmp_path):
        encoder = PrecomputedEncoder(path=tmp_path / "a.npy")
        with pytest.raises(FileNotFoundError, match=r"found no file .*a\.npy, expected vectors"):
            encoder.encode(graph, None)
        with pytest.raises(FileNotFoundError, match=r"found no file .*a\.npy, expected vectors"):
            encoder.identify()

    def test_other_suffix(self, graph, tmp_path):
        (tmp_path / "a.pt").write_bytes(b"x")
        with pytest.raises(ValueError, match=r"found vectors in 'a\.pt', expected a \.npy or \.safetensors"):
            PrecomputedEncoder(path=tmp_path / "a.pt").encode(graph, None)

    def test_pickles_are_not_loaded(self, graph, tmp_path):
        np.save(tmp_path / "a.npy", np.array([{}] * 5, dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match="allow_pickle"):
            PrecomputedEncoder(path=tmp_path / "a.npy").encode(graph, None)


def _naive_bags(graph: Graph) -> np.ndarray:
    """Weigh the features of entities with dictionaries: log term frequency, smooth idf, unit length."""
    bags: list[Counter] = [Counter() for _ in range(graph.num_entities)]
    for head, relation, tail in graph.triples.tolist():
        bags[head].update([("out", relation), ("out", relation, tail)])
        bags[tail].update([("in", relation), ("in", relation, head)])
    features = sorted({feature for bag in bags for feature in bag}, key=str)
    result = np.zeros((graph.num_entities, len(features)))
    for column, feature in enumerate(features):
        frequency = sum(feature in bag for bag in bags)
        for row, bag in enumerate(bags):
            if bag[feature]:
                idf = 1 + math.log((1 + graph.num_entities) / (1 + frequency))
                result[row, column] = (1 + math.log(bag[feature])) * idf
    norms = np.linalg.norm(result, axis=1, keepdims=True)
    return result / np.where(norms, norms, 1)


class TestStructuralEncoder(EncoderTestCase):
    """The structure."""

    cls = StructuralEncoder

    @pytest.fixture(scope="class")
    def encoder(self):
        return StructuralEncoder(dim=3)

    def test_texts_are_not_needed(self, encoder, graph, vectors):
        assert not encoder.needs_texts
        np.testing.assert_array_equal(encoder.encode(graph, None), vectors)

    @pytest.mark.parametrize("seed", [0, 1])
    def test_all_dimensions_keep_the_inner_products_of_weighted_bags(self, seed):
        # an entity without triples, so that the dimensions that are left suffice
        triples = random_graph(seed, num_entities=12, num_relations=3, num_triples=30).triples
        graph = Graph.from_triples(triples, 13, 3)
        vectors = StructuralEncoder(dim=100).encode(graph, None)
        bags = _naive_bags(graph)
        np.testing.assert_allclose(vectors @ vectors.T, bags @ bags.T, atol=1e-5)

    def test_vectors_are_the_same_with_any_number_of_threads(self):
        graph = random_graph(0, num_entities=135, num_relations=46, num_triples=5_000)
        vectors = []
        for threads in (1, 2):
            with threadpool_limits(threads):
                vectors.append(StructuralEncoder().encode(graph, None))
        np.testing.assert_array_equal(*vectors)

    def test_dimension_is_kept_or_clamped(self, graph):
        assert StructuralEncoder(dim=2).encode(graph, None).shape == (5, 2)
        assert StructuralEncoder(dim=500).encode(graph, None).shape == (5, 4)

    def test_graph_of_one_entity(self):
        vectors = StructuralEncoder().encode(Graph.from_triples(np.array([[0, 0, 0]]), 1, 1), None)
        assert vectors.shape[0] == 1
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()

    def test_identity_depends_on_every_setting(self):
        settings = [{}, {"dim": 3}, {"seed": 1}]
        identities = [StructuralEncoder(**setting).identify() for setting in settings]
        assert all(identities.count(identity) == 1 for identity in identities)

    def test_dim_below_one(self):
        with pytest.raises(ValueError, match="found dim=0, expected at least 1"):
            StructuralEncoder(dim=0)
