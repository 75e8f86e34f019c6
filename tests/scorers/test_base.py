"""Witnesses, the probe, the factorisation and the corruptions they learn from, against plain definitions."""

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.scorers import factorization
from pykeen_negater.scorers.base import Training, Witness, estimate_training, train_witness
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.scorers.probe import Probe
from pykeen_negater.scorers.torch_corruption import TorchCorruptor
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import random_graph, random_vectors

NUM_ENTITIES, NUM_RELATIONS = 20, 4


def _randomize(witness: Witness, seed: int = 0) -> Witness:
    """Give all parameters values that matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in witness.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return witness.eval()


class WitnessTestCase:
    """Tests that every witness has to pass."""

    training: ClassVar[Training] = Training(epochs=4, learning_rate=0.02, weight_decay=0.0, batch_size=32, seed=3)

    @pytest.fixture
    def graph(self) -> Graph:
        return random_graph(0, NUM_ENTITIES, NUM_RELATIONS, 200)

    def make(self, graph: Graph) -> Witness:
        raise NotImplementedError

    def slow_score(self, witness: Witness, triple: list[int], side: int) -> float:
        """Score one triple by the definition."""
        raise NotImplementedError

    @pytest.mark.parametrize("side", [HEAD, TAIL])
    def test_scores_agree_with_the_definition(self, graph: Graph, side: int):
        witness = _randomize(self.make(graph))
        triples = graph.triples[::7]
        expected = [self.slow_score(witness, triple, side) for triple in triples.tolist()]
        np.testing.assert_allclose(witness.score_triples(triples, side), expected, rtol=1e-3, atol=1e-3)
        assert np.std(expected) > 0.1

    def test_estimate_grows_with_the_epochs(self, graph: Graph):
        short, long = (Training(epochs, 0.01, 0.0, batch_size=64) for epochs in (1, 1_000))
        seconds = [estimate_training(self.make(graph), graph.triples, training) for training in (short, long)]
        assert 0 < seconds[0] < seconds[1] < math.inf

    @pytest.mark.parametrize("side", [HEAD, TAIL])
    def test_scores_of_all_answers_agree_with_those_of_triples(self, graph: Graph, side: int):
        witness = _randomize(self.make(graph))
        queries = Queries.from_graph(graph, ("head",) if side == HEAD else ("tail",))
        scores = witness.score(queries, witness.encode_answers(side))
        assert scores.shape == (len(queries), NUM_ENTITIES)
        assert not scores.requires_grad
        for i in range(0, len(queries), 5):
            triples = np.empty((NUM_ENTITIES, 3), dtype=np.int64)
            triples[:, RELATION], triples[:, 2 - side] = queries.relations[i], queries.entities[i]
            triples[:, side] = np.arange(NUM_ENTITIES)
            np.testing.assert_allclose(scores[i], witness.score_triples(triples, side), rtol=1e-3, atol=1e-3)

    def test_no_triples_have_no_scores(self, graph: Graph):
        scores = _randomize(self.make(graph)).score_triples(graph.triples[:0], TAIL)
        assert scores.shape == (0,)
        assert scores.dtype == np.float32

    def test_training_lowers_the_loss_and_ends_in_evaluation_mode(self, graph: Graph):
        witness = self.make(graph)
        torch.manual_seed(self.training.seed)
        witness.reset_parameters()
        triples = torch.from_numpy(graph.triples)
        losses = []
        for trained in (False, True):
            if trained:
                train_witness(witness, graph.triples, self.training)
                assert not witness.training
            witness.eval()
            torch.manual_seed(0)
            with torch.no_grad():
                losses.append(np.mean([witness(triples)["loss"].item() for _ in range(5)]))
        assert losses[1] < 0.95 * losses[0]
        assert {parameter.device.type for parameter in witness.parameters()} == {"cpu"}

    def test_training_depends_on_the_seed_and_on_nothing_before(self, graph: Graph):
        states = []
        for seed, noise in ((3, 0), (3, 1), (4, 0)):
            witness = self.make(graph)
            _randomize(witness, noise)
            torch.manual_seed(100 + noise)
            train_witness(witness, graph.triples, Training(2, 0.02, 0.0, 64, seed))
            states.append(torch.cat([parameter.detach().flatten() for parameter in witness.parameters()]))
        assert torch.equal(states[0], states[1])
        assert not torch.allclose(states[0], states[2])


class TestProbe(WitnessTestCase):
    """Tests of the probe."""

    training: ClassVar[Training] = Training(epochs=20, learning_rate=0.1, weight_decay=0.0, batch_size=32, seed=3)

    def make(self, graph: Graph) -> Probe:
        return Probe(graph, random_vectors(0, graph.num_entities, 7), dim=5, dropout=0.1, corruptions=3)

    def slow_score(self, witness: Witness, triple: list[int], side: int) -> float:
        assert isinstance(witness, Probe)
        relation, number, other = triple[RELATION], side // 2, 1 - side // 2
        vectors = random_vectors(0, NUM_ENTITIES, 7).astype(np.float64)
        vectors *= math.sqrt(7) / np.linalg.norm(vectors, axis=1, keepdims=True)
        parameters = {name: value.detach().double().numpy() for name, value in witness.named_parameters()}
        given, asked = (
            np.maximum(parameters[f"projections.{i}.weight"] @ vectors[entity] + parameters[f"projections.{i}.bias"], 0)
            for i, entity in ((other, triple[2 - side]), (number, triple[side]))
        )
        m, p, q, b = (parameters[name][number, relation] for name in ("scales", "given_slots", "asked_slots", "biases"))
        fit = (parameters[f"fits.{number}.weight"] @ (given * (1 + m))) @ asked / math.sqrt(5)
        return float(fit + given @ p + asked @ q + b.item())

    def test_loss_is_that_of_the_scores(self, graph: Graph):
        """What is trained is what is asked later: a positive counts as much as all of its corruptions."""
        probe = _randomize(self.make(graph))
        triples = torch.from_numpy(graph.triples)
        torch.manual_seed(5)
        loss = probe(triples)["loss"].item()
        torch.manual_seed(5)
        expected = 0.0
        for side in (HEAD, TAIL):
            entities, unknown = probe.corruptor(triples, side)
            negatives = triples.unsqueeze(dim=1).repeat(1, 3, 1)
            negatives[..., side] = entities
            scores = [probe.score_triples(x.numpy(), side) for x in (triples, negatives[unknown])]
            logits = [torch.from_numpy(x).double() for x in scores]
            expected += binary_cross_entropy_with_logits(logits[0], torch.ones_like(logits[0])).item() / 2
            expected += binary_cross_entropy_with_logits(logits[1], torch.zeros_like(logits[1])).item() / 2
        assert loss == pytest.approx(expected, rel=1e-4)

    def test_only_projections_are_learned(self, graph: Graph):
        probe = self.make(graph)
        before = probe.vectors.clone()
        train_witness(probe, graph.triples, Training(1, 0.1, 0.0, 64))
        assert torch.equal(probe.vectors, before)
        assert "vectors" not in probe.state_dict()
        np.testing.assert_allclose(probe.vectors.norm(dim=1), math.sqrt(7), rtol=1e-5)

    def test_untrained_relations_are_all_alike(self, graph: Graph):
        probe = self.make(graph)
        probe.reset_parameters()
        probe.eval()
        triples = graph.triples.copy()
        scores = []
        for relation in range(NUM_RELATIONS):
            triples[:, RELATION] = relation
            scores.append(probe.score_triples(triples, TAIL))
        assert np.ptp(np.stack(scores), axis=0).max() == 0
        assert scores[0].std() > 0


class TestFactorization(WitnessTestCase):
    """Tests of the factorisation."""

    # a product starts slowly when all of its factors are small
    training: ClassVar[Training] = Training(epochs=12, learning_rate=0.1, weight_decay=0.0, batch_size=32, seed=3)
    regularization: ClassVar[float] = 0.01

    def make(self, graph: Graph) -> Factorization:
        return Factorization(graph, dim=6, regularization=self.regularization)

    def slow_score(self, witness: Witness, triple: list[int], side: int) -> float:
        assert isinstance(witness, Factorization)
        entities, relations = self.complex_parameters(witness)
        given, asked = entities[triple[2 - side]], entities[triple[side]]
        return float(np.real(np.sum(given * relations[side // 2, triple[RELATION]] * np.conj(asked))))

    @staticmethod
    def complex_parameters(witness: Factorization) -> tuple[np.ndarray, np.ndarray]:
        numbers = (x.detach().double().numpy() for x in (witness.entities, witness.relations))
        entities, relations = (x[..., :3] + 1j * x[..., 3:] for x in numbers)
        return entities, relations

    def slow_loss(self, witness: Factorization, triples: list[list[int]], answers: dict[int, set[int]]) -> float:
        """Compute the loss from its definition, where each side's answers compete."""
        entities, relations = self.complex_parameters(witness)
        total = 0.0
        for side in (TAIL, HEAD):
            for triple in triples:
                scores = {}
                for answer in answers[side]:
                    changed = list(triple)
                    changed[side] = answer
                    scores[answer] = self.slow_score(witness, changed, side)
                normalizer = math.log(sum(math.exp(score) for score in scores.values()))
                parts = (entities[triple[HEAD]], relations[side // 2, triple[RELATION]], entities[triple[TAIL]])
                norms = sum(float((np.abs(part) ** 3).sum()) for part in parts)
                total += normalizer - scores[triple[side]] + self.regularization * norms
        return total / (2 * len(triples))

    def test_loss_agrees_with_the_definition(self, graph: Graph):
        witness = _randomize(self.make(graph))
        everyone = set(range(NUM_ENTITIES))
        triples = graph.triples[::9]
        expected = self.slow_loss(witness, triples.tolist(), {HEAD: everyone, TAIL: everyone})
        assert witness(torch.from_numpy(triples))["loss"].item() == pytest.approx(expected, rel=1e-4)

    def test_loss_in_large_graphs_is_against_some(self, graph: Graph, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(factorization, "MAX_ANSWERS", 6)
        witness = _randomize(self.make(graph))
        triples = torch.from_numpy(graph.triples[::29])
        torch.manual_seed(1)
        loss = witness(triples)["loss"]
        torch.manual_seed(1)
        answers = {}
        for side in (TAIL, HEAD):
            drawn = torch.randint(NUM_ENTITIES, (6,)).tolist()
            answers[side] = set(drawn) | set(triples[:, side].tolist())
            assert len(answers[side]) < NUM_ENTITIES
        assert loss.item() == pytest.approx(self.slow_loss(witness, triples.tolist(), answers), rel=1e-4)
        loss.backward()
        assert torch.isfinite(witness.entities.grad).all()
        assert witness.entities.grad.any()

    def test_training_in_large_graphs(self, graph: Graph, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(factorization, "MAX_ANSWERS", 12)
        self.test_training_lowers_the_loss_and_ends_in_evaluation_mode(graph)
        self.test_training_depends_on_the_seed_and_on_nothing_before(graph)
        self.test_estimate_grows_with_the_epochs(graph)

    def test_zero_has_a_gradient(self, graph: Graph):
        witness = self.make(graph)
        with torch.no_grad():
            for parameter in witness.parameters():
                parameter.zero_()
        witness(torch.from_numpy(graph.triples))["loss"].backward()
        assert all(torch.isfinite(parameter.grad).all() for parameter in witness.parameters())

    def test_learns_to_rank_what_it_saw(self):
        """Twelve queries of one answer each are learned by heart."""
        triples = np.array([[i, 0, (5 * i + 2) % 12] for i in range(12)])
        graph = Graph.from_triples(triples, 12, 1)
        witness = Factorization(graph, dim=32, regularization=0.0)
        train_witness(witness, graph.triples, Training(40, 0.05, 0.0, 4))
        for side, name in ((HEAD, "head"), (TAIL, "tail")):
            queries = Queries.from_graph(graph, (name,))
            assert (
                witness.score(queries, witness.encode_answers(side)).argmax(dim=1).tolist() == queries.answers.tolist()
            ), side


@pytest.mark.parametrize("side", [HEAD, TAIL])
@pytest.mark.parametrize("seed", range(3))
def test_corruptions(seed: int, side: int):
    graph = random_graph(seed, num_triples=60)
    known = set(map(tuple, graph.triples.tolist()))
    torch.manual_seed(seed)
    entities, unknown = TorchCorruptor(graph, 10)(torch.from_numpy(graph.triples), side)
    assert entities.shape == unknown.shape == (len(graph), 10)
    assert set(entities.unique().tolist()) == set(range(graph.num_entities))
    for triple, row, flags in zip(graph.triples.tolist(), entities.tolist(), unknown.tolist(), strict=True):
        for entity, flag in zip(row, flags, strict=True):
            triple[side] = entity
            assert flag == (tuple(triple) not in known)
    assert 0 < unknown.sum() < unknown.numel()


def test_half_of_the_corruptions_are_in_their_slot():
    """Of 1000 entities, 20 are seen as heads and 20 as tails: what is drawn from anywhere is hardly among them."""
    triples = np.stack([np.arange(20), np.zeros(20, dtype=np.int64), 500 + np.arange(20)], axis=1)
    corruptor = TorchCorruptor(Graph.from_triples(triples, 1_000, 1), 400)
    torch.manual_seed(0)
    heads, tails = (corruptor(torch.from_numpy(triples), side)[0] for side in (HEAD, TAIL))
    assert (heads < 20).float().mean().item() == pytest.approx(0.51, abs=0.03)
    assert ((tails >= 500) & (tails < 520)).float().mean().item() == pytest.approx(0.51, abs=0.03)


def test_complete_graph_has_no_corruptions():
    triples = np.stack(np.meshgrid(range(4), range(2), range(4)), axis=-1).reshape(-1, 3)
    graph = Graph.from_triples(triples, 4, 2)
    _, unknown = TorchCorruptor(graph, 3)(torch.from_numpy(triples), TAIL)
    assert not unknown.any()
    probe = _randomize(Probe(graph, random_vectors(0, 4)))
    assert math.isfinite(probe(torch.from_numpy(triples))["loss"].item())


def test_corrupting_leaves_the_batch_alone():
    graph = random_graph()
    batch = torch.from_numpy(graph.triples.copy())
    TorchCorruptor(graph, 2)(batch, HEAD)
    assert batch.tolist() == graph.triples.tolist()


@pytest.mark.parametrize("name", ["probe", "factorization", "sampled factorization"])
def test_threads_do_not_change_what_is_learned(name: str, monkeypatch: pytest.MonkeyPatch):
    # large enough for operations to be shared between threads
    graph, vectors = random_graph(0, 2_000, NUM_RELATIONS, 2_048), random_vectors(0, 2_000, 64)
    if name.startswith("sampled"):
        monkeypatch.setattr(factorization, "MAX_ANSWERS", 100)
    training = Training(epochs=1, learning_rate=0.02, weight_decay=0.0, batch_size=512)
    states = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 2, 1):
            torch.set_num_threads(count)
            witness = Probe(graph, vectors) if name == "probe" else Factorization(graph)
            train_witness(witness, graph.triples, training)
            states.append(torch.cat([parameter.detach().flatten() for parameter in witness.parameters()]))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(states[0], state) for state in states)


def test_context_trains_witnesses_once(tmp_path):
    graph, vectors = random_graph(0, num_triples=200), random_vectors(0, 20)
    first, again = (RankingContext(graph, None, Cache(tmp_path), vectors, seed=1) for _ in range(2))
    trained = (first.probe, first.factorization)
    assert set(first.measured.durations) == {"train the probe", "train the factorization"}
    assert first.probe is trained[0]
    loaded = (again.probe, again.factorization)
    assert again.measured.durations == {}
    for one, other in zip(trained, loaded, strict=True):
        assert not one.training
        assert not other.training
        for side in (HEAD, TAIL):
            np.testing.assert_array_equal(
                one.score_triples(graph.triples, side), other.score_triples(graph.triples, side)
            )


def test_context_tells_seeds_graphs_and_vectors_apart(tmp_path, monkeypatch: pytest.MonkeyPatch):
    module = "pykeen_negater.rankers.context"
    monkeypatch.setattr(f"{module}.PROBE_TRAINING", Training(1, 0.01, 0.0, 256))
    graph, vectors = random_graph(0, num_triples=200), random_vectors(0, 20)
    fewer = Graph.from_triples(graph.triples[1:], graph.num_entities, graph.num_relations)
    for arguments in ((graph, vectors, 0), (graph, vectors, 1), (fewer, vectors, 0), (graph, vectors + 1, 0)):
        context = RankingContext(arguments[0], None, Cache(tmp_path), arguments[1], seed=arguments[2])
        assert context.probe.vectors.shape == (20, 6)
        assert "train the probe" in context.measured.durations


def test_context_without_texts(tmp_path):
    context = RankingContext(random_graph(), None, Cache(tmp_path), random_vectors(0, 20))
    with pytest.raises(ValueError, match="found a graph without texts"):
        _ = context.required_texts
