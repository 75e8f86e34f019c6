"""The factorization: its scores and its loss, against plain definitions."""

import math
from typing import ClassVar

import numpy as np
import pytest
import torch

from pykeen_negater.scorers.base import DotProductScorer, Training, train_scorer
from pykeen_negater.scorers.factorization import Factorization
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL
from pykeen_negater.triples.queries import Queries

from ..cases import NUM_ENTITIES, DotProductScorerTestCase, randomize


class TestFactorization(DotProductScorerTestCase):
    """Tests of the factorization."""

    # a product starts slowly when all of its factors are small
    training: ClassVar[Training] = Training(epochs=12, learning_rate=0.1, weight_decay=0.0, batch_size=32, seed=3)
    regularization: ClassVar[float] = 0.01

    def make(self, graph: Graph) -> Factorization:
        return Factorization(graph, dim=6, regularization=self.regularization)

    def slow_score(self, scorer: DotProductScorer, triple: list[int], side: int) -> float:
        assert isinstance(scorer, Factorization)
        entities, relations = self.complex_parameters(scorer)
        given, asked = entities[triple[2 - side]], entities[triple[side]]
        return float(np.real(np.sum(given * relations[side // 2, triple[RELATION]] * np.conj(asked))))

    @staticmethod
    def complex_parameters(scorer: Factorization) -> tuple[np.ndarray, np.ndarray]:
        numbers = (x.detach().double().numpy() for x in (scorer.entities, scorer.relations))
        entities, relations = (x[..., :3] + 1j * x[..., 3:] for x in numbers)
        return entities, relations

    def slow_loss(self, scorer: Factorization, triples: list[list[int]], answers: dict[int, set[int]]) -> float:
        """Compute the loss from its definition, where each side's answers compete."""
        entities, relations = self.complex_parameters(scorer)
        total = 0.0
        for side in (TAIL, HEAD):
            for triple in triples:
                scores = {}
                for answer in answers[side]:
                    changed = list(triple)
                    changed[side] = answer
                    scores[answer] = self.slow_score(scorer, changed, side)
                normalizer = math.log(sum(math.exp(score) for score in scores.values()))
                parts = (entities[triple[HEAD]], relations[side // 2, triple[RELATION]], entities[triple[TAIL]])
                norms = sum(float((np.abs(part) ** 3).sum()) for part in parts)
                total += normalizer - scores[triple[side]] + self.regularization * norms
        return total / (2 * len(triples))

    def test_loss_agrees_with_the_definition(self, graph: Graph):
        scorer = randomize(self.make(graph))
        everyone = set(range(NUM_ENTITIES))
        triples = graph.triples[::9]
        expected = self.slow_loss(scorer, triples.tolist(), {HEAD: everyone, TAIL: everyone})
        assert scorer(torch.from_numpy(triples))["loss"].item() == pytest.approx(expected, rel=1e-4)

    def test_loss_in_large_graphs_is_against_some(self, graph: Graph, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("pykeen_negater.scorers.factorization.MAX_ANSWERS", 6)
        scorer = randomize(self.make(graph))
        triples = torch.from_numpy(graph.triples[::29])
        torch.manual_seed(1)
        loss = scorer(triples)["loss"]
        torch.manual_seed(1)
        answers = {}
        for side in (TAIL, HEAD):
            drawn = torch.randint(NUM_ENTITIES, (6,)).tolist()
            answers[side] = set(drawn) | set(triples[:, side].tolist())
            assert len(answers[side]) < NUM_ENTITIES
        assert loss.item() == pytest.approx(self.slow_loss(scorer, triples.tolist(), answers), rel=1e-4)
        loss.backward()
        assert torch.isfinite(scorer.entities.grad).all()
        assert scorer.entities.grad.any()

    def test_training_in_large_graphs(self, graph: Graph, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("pykeen_negater.scorers.factorization.MAX_ANSWERS", 12)
        self.test_training_lowers_the_loss_and_ends_in_evaluation_mode(graph)
        self.test_training_depends_on_the_seed_and_on_nothing_before(graph)
        self.test_estimate_grows_with_the_epochs(graph)

    def test_zero_has_a_gradient(self, graph: Graph):
        scorer = self.make(graph)
        with torch.no_grad():
            for parameter in scorer.parameters():
                parameter.zero_()
        scorer(torch.from_numpy(graph.triples))["loss"].backward()
        assert all(torch.isfinite(parameter.grad).all() for parameter in scorer.parameters())

    def test_learns_to_rank_what_it_saw(self):
        """Twelve queries of one answer each are learned by heart."""
        triples = np.array([[i, 0, (5 * i + 2) % 12] for i in range(12)])
        graph = Graph.from_triples(triples, 12, 1)
        scorer = Factorization(graph, dim=32, regularization=0.0)
        train_scorer(scorer, graph.triples, Training(40, 0.05, 0.0, 4))
        for side, name in ((HEAD, "head"), (TAIL, "tail")):
            queries = Queries.from_graph(graph, (name,))
            assert (
                scorer.score(queries, scorer.encode_answers(side)).argmax(dim=1).tolist() == queries.answers.tolist()
            ), side
