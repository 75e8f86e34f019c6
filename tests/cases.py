"""Tests that every member of a family has to pass, and what they are made of."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from pykeen_negater import NegativePools
from pykeen_negater.candidates.budgets import Budget
from pykeen_negater.candidates.generators import CandidateGenerator, Candidates
from pykeen_negater.corruption.sources import NegativeSource
from pykeen_negater.embeddings.encoders import Encoder
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.scorers.base import DotProductScorer, Training, estimate_training, train_scorer
from pykeen_negater.texts.labels import reading
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, SIDES, TAIL, keys_to_triples
from pykeen_negater.triples.queries import Queries

#: A corruption as plain values: row of the positive, side, replacement, distance
Corruption = tuple[int, int, int, float]

#: What acts on a terminal
ESCAPES = "\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\x7f\u202e"


def random_graph(seed: int = 0, num_entities: int = 20, num_relations: int = 4, num_triples: int = 60) -> Graph:
    """Draw a graph whose last relation (of several) has no triples, with duplicates among what is drawn."""
    generator = np.random.default_rng(seed)
    used_relations = max(num_relations - 1, 1)
    sizes = (num_entities, used_relations, num_entities)
    triples = np.stack([generator.integers(size, size=num_triples) for size in sizes], axis=-1)
    return Graph.from_triples(triples, num_entities, num_relations)


def random_vectors(seed: int, size: int, dim: int = 6) -> np.ndarray:
    """Draw vectors among which there are no ties."""
    return np.random.default_rng(seed).normal(size=(size, dim)).astype(np.float32)


def brute_force_distance(x: np.ndarray, y: np.ndarray, metric: str) -> float:
    """Compute one distance from its definition."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    if metric == "l2":
        return float(((x - y) ** 2).sum())
    norms = math.sqrt((x**2).sum()) * math.sqrt((y**2).sum())
    return 1.0 - float((x * y).sum()) / norms if norms else 1.0


def concrete_cases(base: type) -> Iterator[type]:
    """Find the test cases that were written for the members of a family."""
    for case in base.__subclasses__():
        yield case
        yield from concrete_cases(case)


def within_budget(candidates: Candidates, max_unique: int | None) -> Candidates:
    """Keep the candidates that a ranker with a budget scores."""
    budget = Budget(max_unique)
    budget.add(*candidates.best_ranks())
    return candidates.select(np.isin(candidates.keys, budget.keys))


class CandidateGeneratorTestCase:
    """Tests of a candidate generator against a loop over triples."""

    cls: ClassVar[type[CandidateGenerator]]

    def nearest(
        self, old: int, slot: set[int], everyone: set[int], ranked: list[tuple[float, int]], k: int
    ) -> list[tuple[float, int]]:
        """Choose replacements in the plainest way.

        :param old: the entity to replace
        :param slot: the entities seen in its slot
        :param everyone: all entities
        :param ranked: pairs (distance, entity) of all *other* entities, nearest first
        :param k: the number of neighbours
        :return: the chosen ones of these pairs
        """
        raise NotImplementedError

    def oracle(self, graph: Graph, vectors: np.ndarray, metric: str, k: int, scheme: list[str]) -> list[Corruption]:
        """Propose corruptions in the plainest way."""
        triples: list[tuple[int, ...]] = [tuple(map(int, triple)) for triple in graph.triples]
        known = set(triples)
        everyone = set(range(graph.num_entities))
        if metric == "cosine":
            vectors = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        slots = {
            (relation, side): {triple[side] for triple in triples if triple[RELATION] == relation}
            for relation in range(graph.num_relations)
            for side in (HEAD, TAIL)
        }
        signatures = []
        for relation in range(graph.num_relations):
            halves = []
            for side in (HEAD, TAIL):
                members = sorted(slots[relation, side])
                halves.append(vectors[members].mean(axis=0) if members else np.zeros(vectors.shape[1]))
            signatures.append(np.concatenate(halves))
        result = []
        for row, triple in enumerate(triples):
            for side in sorted(SIDES[name] for name in scheme):
                old = triple[side]
                points = signatures if side == RELATION else vectors
                ranked = sorted(
                    (brute_force_distance(points[old], points[new], metric), new)
                    for new in range(len(points))
                    if new != old
                )
                if side == RELATION:
                    chosen = ranked[:k]
                else:
                    chosen = self.nearest(old, slots[triple[RELATION], side], everyone, ranked, k)
                for distance, new in chosen:
                    corrupted = (*triple[:side], new, *triple[side + 1 :])
                    is_loop = side != RELATION and new in (triple[HEAD], triple[TAIL])
                    if corrupted not in known and not is_loop:
                        result.append((row, side, new, distance))
        return result

    @staticmethod
    def as_corruptions(candidates: Candidates) -> list[Corruption]:
        """Turn candidates into plain values."""
        columns = (candidates.positives, candidates.sides, candidates.replacements, candidates.distances)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def check(self, graph: Graph, vectors: np.ndarray, metric: str, k: int, scheme: list[str]) -> Candidates:
        index = NeighborIndex.build(vectors, metric)  # type: ignore[arg-type]
        candidates = self.cls(k=k, corruption_scheme=scheme).generate(graph, index)
        found = self.as_corruptions(candidates)
        expected = self.oracle(graph, vectors, metric, k, scheme)
        assert [corruption[:3] for corruption in found] == [corruption[:3] for corruption in expected]
        np.testing.assert_allclose([c[3] for c in found], [c[3] for c in expected], atol=1e-4)
        return candidates

    @pytest.mark.parametrize("metric", ["l2", "cosine"])
    @pytest.mark.parametrize("scheme", [["head"], ["tail"], ["relation"], ["tail", "relation", "head"]])
    def test_agrees_with_a_loop_over_triples(self, metric: str, scheme: list[str]):
        for seed in range(3):
            graph = random_graph(seed)
            assert len(self.check(graph, random_vectors(seed, graph.num_entities), metric, 3, scheme))

    @pytest.mark.parametrize("k", [1, 7, 1000])
    def test_agrees_with_a_loop_over_triples_for_any_k(self, k: int):
        graph = random_graph(3)
        self.check(graph, random_vectors(3, graph.num_entities), "cosine", k, ["head", "relation", "tail"])

    def test_types(self):
        graph = random_graph()
        index = NeighborIndex.build(random_vectors(0, graph.num_entities))
        candidates = self.cls(k=4).generate(graph, index)
        assert candidates.graph is graph
        assert candidates.positives.dtype == np.int64
        assert candidates.sides.dtype == np.int8
        assert candidates.replacements.dtype == np.int32
        assert candidates.distances.dtype == np.float32

    @pytest.mark.parametrize("side", ["head", "relation", "tail"])
    def test_complete_graph_has_no_candidates(self, side: str):
        triples = np.stack(np.meshgrid(range(4), range(2), range(4)), axis=-1).reshape(-1, 3)
        graph = Graph.from_triples(triples, 4, 2)
        candidates = self.cls(k=5, corruption_scheme=[side]).generate(
            graph, NeighborIndex.build(random_vectors(0, 4), "l2")
        )
        assert len(candidates) == 0
        assert candidates.unique_triples.shape == (0, 3)
        assert candidates.ranks.shape == (0,)
        assert len(within_budget(candidates, 3)) == 0

    def test_single_relation_and_triple(self):
        graph = Graph.from_triples(np.array([[0, 0, 1]]), 5, 1)
        self.check(graph, random_vectors(1, 5), "l2", 2, ["head", "relation", "tail"])

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_nothing_reads_like_a_known_triple(self, seed: int):
        graph = random_graph(seed)
        index = NeighborIndex.build(random_vectors(seed, graph.num_entities))
        names = ["dog", "Dog", "cat", "caf\u00e9", "New York", "cafe\u0301", "New\u00a0york", *"abcdefghijklm"]
        texts = Texts(tuple(names), ("likes", "is", "LIKES ", "at"))
        generator = self.cls(k=6, corruption_scheme=["head", "relation", "tail"])
        rows = dict.fromkeys(range(3), np.arange(len(graph)))
        before = generator.propose(graph, index).candidates(rows)
        after = generator.propose(graph, index, texts=texts).candidates(rows)
        entities, relations = [0, 0, 2, 3, 4, 3, 4, *range(7, 20)], [0, 1, 0, 3]

        def read(triple: list[int]) -> tuple[int, int, int]:
            """Let what reads the same be the same."""
            return entities[triple[0]], relations[triple[1]], entities[triple[2]]

        known = {read(triple) for triple in graph.triples.tolist()}
        expected, alike = [], []
        for corruption, triple in zip(self.as_corruptions(before), before.triples.tolist(), strict=True):
            head, _, tail = read(triple)
            if read(triple) in known or (corruption[1] != RELATION and head == tail):
                alike.append(triple[RELATION])
            else:
                expected.append(corruption)
        assert self.as_corruptions(after) == expected
        assert sorted(after.alike.tolist()) == sorted(alike) != []
        assert after.select(np.zeros(len(after), dtype=bool)).alike.tolist() == after.alike.tolist()
        assert before.alike.tolist() == []

    def test_all_names_differ(self):
        graph = random_graph()
        index = NeighborIndex.build(random_vectors(0, graph.num_entities))
        texts = Texts(tuple("abcdefghijklmnopqrst"), ("r", "s", "t", "u"))
        assert self.cls().propose(graph, index, texts=texts).readings is None

    def test_saved_index_gives_the_same(self, tmp_path):
        graph = random_graph()
        index = NeighborIndex.build(random_vectors(0, graph.num_entities))
        index.save(tmp_path / "index")
        generator = self.cls(k=4, corruption_scheme=["head", "relation", "tail"])
        before = generator.generate(graph, index)
        after = generator.generate(graph, NeighborIndex.load(tmp_path / "index"))
        assert self.as_corruptions(before) == self.as_corruptions(after)

    def test_approximate_index_gives_valid_candidates(self):
        graph = random_graph()
        index = NeighborIndex.build(random_vectors(0, graph.num_entities), "l2", "HNSW16")
        candidates = self.cls(k=4, corruption_scheme=["head", "relation", "tail"]).generate(graph, index)
        assert len(candidates)
        assert not graph.index.contains(_tensor(candidates.unique_triples)).any()

    def test_index_of_another_graph_is_refused(self):
        with pytest.raises(ValueError, match=r"found an index of 7 vectors, expected one for each of the 20"):
            self.cls().generate(random_graph(), NeighborIndex.build(random_vectors(0, 7)))

    def test_k_below_one_is_refused(self):
        with pytest.raises(ValueError, match=r"found k=0, expected at least one"):
            self.cls(k=0)

    @pytest.mark.parametrize("scheme", [[], ["middle"], "head", "ht", ["head", "x"]])
    def test_bad_corruption_scheme_is_refused(self, scheme: Any):
        with pytest.raises(ValueError, match=r"found corruption_scheme=.*, expected a collection of one or more of"):
            self.cls(corruption_scheme=scheme)


def _tensor(triples: np.ndarray) -> Any:

    return torch.from_numpy(triples)


#: The size of the graphs that scorers are tested with
NUM_ENTITIES, NUM_RELATIONS = 20, 4


def randomize(scorer: DotProductScorer, seed: int = 0) -> DotProductScorer:
    """Give all parameters values that matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return scorer.eval()


class DotProductScorerTestCase:
    """Tests that every scorer has to pass."""

    training: ClassVar[Training] = Training(epochs=4, learning_rate=0.02, weight_decay=0.0, batch_size=32, seed=3)

    @pytest.fixture
    def graph(self) -> Graph:
        return random_graph(0, NUM_ENTITIES, NUM_RELATIONS, 200)

    def make(self, graph: Graph) -> DotProductScorer:
        raise NotImplementedError

    def slow_score(self, scorer: DotProductScorer, triple: list[int], side: int) -> float:
        """Score one triple by the definition."""
        raise NotImplementedError

    @pytest.mark.parametrize("side", [HEAD, TAIL])
    def test_scores_agree_with_the_definition(self, graph: Graph, side: int):
        scorer = randomize(self.make(graph))
        triples = graph.triples[::7]
        expected = [self.slow_score(scorer, triple, side) for triple in triples.tolist()]
        np.testing.assert_allclose(scorer.score_triples(triples, side), expected, rtol=1e-3, atol=1e-3)
        assert np.std(expected) > 0.1

    def test_estimate_grows_with_the_epochs(self, graph: Graph):
        short, long = (Training(epochs, 0.01, 0.0, batch_size=64) for epochs in (1, 1_000))
        seconds = [estimate_training(self.make(graph), graph.triples, training) for training in (short, long)]
        assert 0 < seconds[0] < seconds[1] < math.inf

    @pytest.mark.parametrize("side", [HEAD, TAIL])
    def test_scores_of_all_answers_agree_with_those_of_triples(self, graph: Graph, side: int):
        scorer = randomize(self.make(graph))
        queries = Queries.from_graph(graph, ("head",) if side == HEAD else ("tail",))
        scores = scorer.score(queries, scorer.encode_answers(side))
        assert scores.shape == (len(queries), NUM_ENTITIES)
        assert not scores.requires_grad
        for i in range(0, len(queries), 5):
            triples = np.empty((NUM_ENTITIES, 3), dtype=np.int64)
            triples[:, RELATION], triples[:, 2 - side] = queries.relations[i], queries.entities[i]
            triples[:, side] = np.arange(NUM_ENTITIES)
            np.testing.assert_allclose(scores[i], scorer.score_triples(triples, side), rtol=1e-3, atol=1e-3)

    def test_no_triples_have_no_scores(self, graph: Graph):
        scores = randomize(self.make(graph)).score_triples(graph.triples[:0], TAIL)
        assert scores.shape == (0,)
        assert scores.dtype == np.float32

    def test_training_lowers_the_loss_and_ends_in_evaluation_mode(self, graph: Graph):
        scorer = self.make(graph)
        torch.manual_seed(self.training.seed)
        scorer.reset_parameters()
        triples = torch.from_numpy(graph.triples)
        losses = []
        for trained in (False, True):
            if trained:
                train_scorer(scorer, graph.triples, self.training)
                assert not scorer.training
            scorer.eval()
            torch.manual_seed(0)
            with torch.no_grad():
                losses.append(np.mean([scorer(triples)["loss"].item() for _ in range(5)]))
        assert losses[1] < 0.95 * losses[0]
        assert {parameter.device.type for parameter in scorer.parameters()} == {"cpu"}

    def test_training_depends_on_the_seed_and_on_nothing_before(self, graph: Graph):
        states = []
        for seed, noise in ((3, 0), (3, 1), (4, 0)):
            scorer = self.make(graph)
            randomize(scorer, noise)
            torch.manual_seed(100 + noise)
            train_scorer(scorer, graph.triples, Training(2, 0.02, 0.0, 64, seed))
            states.append(torch.cat([parameter.detach().flatten() for parameter in scorer.parameters()]))
        assert torch.equal(states[0], states[1])
        assert not torch.allclose(states[0], states[2])


class EncoderTestCase:
    """Tests of an encoder. A subclass needs a fixture ``encoder`` for the graph of :meth:`graph`."""

    cls: ClassVar[type[Encoder]]

    #: Texts of the five entities; the first and the fourth are equal
    texts: ClassVar[Texts] = Texts(
        entities=("a dog", "a kennel", "the theory of relativity", "a dog", "none"), relations=("at", "likes")
    )

    @pytest.fixture(scope="class")
    def graph(self) -> Graph:
        return Graph.from_triples(np.array([[0, 0, 1], [3, 0, 1], [2, 1, 4]]), 5, 2)

    @pytest.fixture(scope="class")
    def encoder(self) -> Encoder:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    def vectors(self, encoder: Encoder, graph: Graph) -> np.ndarray:
        return encoder.encode(graph, self.texts)

    def test_encodes_every_entity(self, encoder: Encoder, vectors: np.ndarray, graph: Graph):
        assert isinstance(encoder, self.cls)
        assert vectors.ndim == 2
        assert len(vectors) == graph.num_entities
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()

    def test_encodes_the_same_again(self, encoder: Encoder, vectors: np.ndarray, graph: Graph):
        np.testing.assert_array_equal(encoder.encode(graph, self.texts), vectors)

    def test_like_entities_are_nearer_than_unlike_ones(self, vectors: np.ndarray):
        index = NeighborIndex.build(vectors)
        assert index.search(np.array([0]), 1)[0].tolist() == [[3]]

    def test_leaves_randomness_alone(self, encoder: Encoder, graph: Graph):
        before = np.random.get_state()[1].copy()
        encoder.encode(graph, self.texts)
        np.testing.assert_array_equal(np.random.get_state()[1], before)

    def test_identity_is_json_native_and_stable(self, encoder: Encoder):
        identity = encoder.identify()
        assert json.loads(json.dumps(identity, allow_nan=False)) == identity
        assert encoder.identify() == identity

    def test_estimate_is_a_number_of_seconds(self, encoder: Encoder, graph: Graph):
        seconds = encoder.estimate(graph, self.texts)
        assert math.isfinite(seconds)
        assert seconds >= 0


class NegativeSourceTestCase:
    """Tests of a source of negatives. A subclass may need parameters."""

    cls: ClassVar[type[NegativeSource]]

    #: Whether the negatives are those of a file, which people are responsible for
    takes_files: ClassVar[bool] = False

    #: Whether every negative differs from one of the positives in the corrupted side, and there alone
    corrupts_the_side: ClassVar[bool] = True

    def make(self, folder: Path, graph: Graph) -> NegativeSource:
        """Make the source for a graph without labels.

        :param folder: a folder for the files that the source needs
        :param graph: the graph
        :return: the source
        """
        return self.cls()

    @staticmethod
    def texts(graph: Graph) -> Texts:
        """Make texts, two of which are equal, and one of which is the negation of another."""
        entities = ["a dog", "A  Dog", "not a dog", *(f"entity {i}" for i in range(3, graph.num_entities))]
        return Texts(tuple(entities[: graph.num_entities]), tuple(f"relation {i}" for i in range(graph.num_relations)))

    def draw(
        self, folder: Path, graph: Graph, corruptions: dict[str, int], seed: int = 0, epoch: int = 0
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Draw the negatives of an epoch, and get the texts of everything they are made of."""
        texts = self.texts(graph)
        corruptor = self.make(folder, graph).prepare(graph, texts, 2, np.random.default_rng(7))
        negatives = corruptor.draw(graph.triples, corruptions, epoch, np.random.default_rng(seed))
        return negatives, texts.entities + corruptor.extra_texts

    @pytest.mark.parametrize("side", ["head", "relation", "tail"])
    @pytest.mark.parametrize("seed", range(3))
    def test_negatives_are_corruptions_that_are_not_known(self, tmp_path: Path, side: str, seed: int):
        # dense, so that many first draws are known
        graph = random_graph(seed, num_entities=8, num_relations=4, num_triples=120)
        before = graph.triples.copy()
        negatives, texts = self.draw(tmp_path, graph, {side: 1}, seed)
        np.testing.assert_array_equal(graph.triples, before)
        assert negatives.dtype == np.int64
        assert 0 < len(negatives) <= len(graph)
        assert negatives.min() >= 0
        assert (negatives.max(axis=0) < [len(texts), graph.num_relations, len(texts)]).all()
        rows = set(map(tuple, negatives.tolist()))
        assert not rows & set(map(tuple, graph.triples.tolist()))
        if not self.takes_files:

            def read(triple: list[int]) -> tuple[str, str, str]:
                """Let what reads the same be the same."""
                return reading(texts[triple[0]]), f"relation {triple[1]}", reading(texts[triple[2]])

            assert not set(map(read, negatives.tolist())) & set(map(read, graph.triples.tolist()))
        if self.corrupts_the_side:
            column = SIDES[side]
            kept = {tuple(np.delete(triple, column).tolist()) for triple in graph.triples}
            assert {tuple(np.delete(row, column).tolist()) for row in rows} <= kept

    def test_phrases_have_one_id_each(self, tmp_path: Path):
        _, texts = self.draw(tmp_path, random_graph(), {"head": 1})
        extra = texts[random_graph().num_entities :]
        assert len(set(extra)) == len(extra)
        assert not set(extra) & set(self.texts(random_graph()).entities)

    def test_counts_of_all_sides(self, tmp_path: Path):
        graph = random_graph(0, num_entities=40)
        negatives, _ = self.draw(tmp_path, graph, {"head": 2, "relation": 1, "tail": 3})
        # hardly anything is known, so that hardly anything is left out
        assert 0.9 * 6 * len(graph) <= len(negatives) <= 6 * len(graph)

    def test_same_generator_gives_the_same(self, tmp_path: Path):
        first, again, other_seed = (
            self.draw(tmp_path, random_graph(), {"head": 1, "relation": 1, "tail": 1}, seed)[0] for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert first.tolist() != other_seed.tolist()

    def test_leaves_randomness_alone(self, tmp_path: Path):

        before = np.random.get_state()[1].copy(), torch.get_rng_state()
        self.draw(tmp_path, random_graph(), {"head": 1})
        np.testing.assert_array_equal(np.random.get_state()[1], before[0])
        assert torch.equal(torch.get_rng_state(), before[1])

    def test_identity_is_json_native_and_stable(self, tmp_path: Path):
        identity = self.make(tmp_path, random_graph()).identify()
        assert json.loads(json.dumps(identity, allow_nan=False)) == identity
        assert self.make(tmp_path, random_graph()).identify() == identity


def negatives_of(pools: NegativePools) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """List positives, their negatives, and the negatives' positions."""
    triples = keys_to_triples(pools.keys.numpy(), pools.num_entities, pools.num_relations).tolist()
    for row, (start, end) in enumerate(zip(pools.offsets[:-1].tolist(), pools.offsets[1:].tolist(), strict=True)):
        positive = triples[row // len(pools.sides)]
        for i in range(start, end):
            negative = list(positive)
            negative[pools.sides[row % len(pools.sides)]] = int(pools.replacements[i])
            yield tuple(positive), tuple(negative), i
