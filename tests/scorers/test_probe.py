"""The probe: its scores, its loss and what is learned, against plain definitions."""

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from pykeen_negater.scorers.base import DotProductScorer, Training, train_scorer
from pykeen_negater.scorers.probe import TRAINING, AnswerProbe, Probe, VectorScorer, answer_training_of, training_of
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

from ..cases import NUM_ENTITIES, NUM_RELATIONS, DotProductScorerTestCase, random_vectors, randomize


class VectorScorerTestCase(DotProductScorerTestCase):
    """Tests of scorers on vectors, whatever their loss."""

    dim: ClassVar[int] = 5

    def slow_score(self, scorer: DotProductScorer, triple: list[int], side: int) -> float:
        assert isinstance(scorer, VectorScorer)
        relation, number, other = triple[RELATION], side // 2, 1 - side // 2
        vectors = random_vectors(0, NUM_ENTITIES, 7).astype(np.float64)
        vectors *= math.sqrt(7) / np.linalg.norm(vectors, axis=1, keepdims=True)
        parameters = {name: value.detach().double().numpy() for name, value in scorer.named_parameters()}
        given, asked = (
            np.maximum(parameters[f"projections.{i}.weight"] @ vectors[entity] + parameters[f"projections.{i}.bias"], 0)
            for i, entity in ((other, triple[2 - side]), (number, triple[side]))
        )
        m, p, q, b = (parameters[name][number, relation] for name in ("scales", "given_slots", "asked_slots", "biases"))
        fit = (parameters[f"fits.{number}.weight"] @ (given * (1 + m))) @ asked / math.sqrt(self.dim)
        return float(fit + given @ p + asked @ q + b.item())


class TestProbe(VectorScorerTestCase):
    """Tests of the probe."""

    training: ClassVar[Training] = Training(epochs=20, learning_rate=0.1, weight_decay=0.0, batch_size=32, seed=3)

    def make(self, graph: Graph, answers: int = 6) -> Probe:
        return Probe(graph, random_vectors(0, graph.num_entities, 7), dim=self.dim, dropout=0.1, answers=answers)

    @pytest.mark.parametrize("most", [NUM_ENTITIES, 6])
    def test_loss_is_that_of_the_scores(self, graph: Graph, most: int):
        """What is trained is what is asked later: a positive counts as much as all of its corruptions."""
        probe = randomize(self.make(graph, most)).eval()
        known = set(map(tuple, graph.triples.tolist()))
        triples = graph.triples[::29]
        torch.manual_seed(5)
        loss = probe(torch.from_numpy(triples))["loss"].item()
        torch.manual_seed(5)
        expected = 0.0
        for side in (HEAD, TAIL):
            answers = set(range(NUM_ENTITIES))
            if most < NUM_ENTITIES:
                answers = {*torch.randint(NUM_ENTITIES, (most,)).tolist(), *triples[:, side].tolist()}
            degrees = np.bincount(graph.triples[:, side], minlength=NUM_ENTITIES)
            missed = (1 - degrees / len(graph)) ** len(triples) * (1 - 1 / NUM_ENTITIES) ** most
            counts = 1 / (1 - missed) if most < NUM_ENTITIES else np.ones(NUM_ENTITIES)
            for triple in triples:
                slot = set(graph.slot(triple[RELATION], side).tolist())
                corruptions = [[*triple[:side], other, *triple[side + 1 :]] for other in answers]
                unknown = np.array([x for x in corruptions if tuple(x) not in known])
                losses = np.logaddexp(0, probe.score_triples(unknown, side).astype(np.float64))
                in_slot = np.isin(unknown[:, side], list(slot))
                expected += float(np.logaddexp(0, -probe.score_triples(triple[None], side)).item())
                for kind in (np.ones(len(unknown), dtype=bool), in_slot):
                    if kind.any():
                        expected += np.average(losses[kind], weights=counts[unknown[kind, side]]) / 2
        assert loss == pytest.approx(expected / (2 * len(triples)), rel=1e-4)

    def test_large_graphs_are_passed_less_often(self, graph: Graph, monkeypatch: pytest.MonkeyPatch):
        assert training_of(graph) == TRAINING
        monkeypatch.setattr("pykeen_negater.scorers.probe.MAX_SEEN", 3 * len(graph) + 1)
        assert training_of(graph) == replace(TRAINING, epochs=3)
        monkeypatch.setattr("pykeen_negater.scorers.probe.MAX_SEEN", 1)
        assert training_of(graph).epochs == 1

    def test_only_projections_are_learned(self, graph: Graph):
        probe = self.make(graph)
        before = probe.vectors.clone()
        train_scorer(probe, graph.triples, Training(1, 0.1, 0.0, 64))
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


class TestAnswerProbe(VectorScorerTestCase):
    """Tests of the probe that chooses answers."""

    # several answers to a query are right, and each can only be as likely as their number allows
    dim: ClassVar[int] = 32
    training: ClassVar[Training] = Training(epochs=40, learning_rate=0.1, weight_decay=0.0, batch_size=32, seed=3)

    def make(self, graph: Graph) -> AnswerProbe:
        return AnswerProbe(graph, random_vectors(0, graph.num_entities, 7), dim=self.dim, dropout=0.1)

    @pytest.mark.parametrize("most", [NUM_ENTITIES, 6])
    def test_loss_is_that_of_choosing_answers(self, graph: Graph, most: int, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("pykeen_negater.scorers.probe.MAX_ANSWERS", most)
        scorer = randomize(self.make(graph)).eval()
        triples = torch.from_numpy(graph.triples[::29])
        torch.manual_seed(1)
        loss = scorer(triples)["loss"].item()
        torch.manual_seed(1)
        expected = 0.0
        for side in (HEAD, TAIL):
            answers = list(range(NUM_ENTITIES))
            if most < NUM_ENTITIES:
                answers = sorted({*torch.randint(NUM_ENTITIES, (most,)).tolist(), *triples[:, side].tolist()})
            for triple in triples.tolist():
                corrupted = np.tile(triple, (len(answers), 1))
                corrupted[:, side] = answers
                scores = torch.from_numpy(scorer.score_triples(corrupted, side)).double()
                expected += cross_entropy(scores, torch.tensor(answers.index(triple[side]))).item()
        assert loss == pytest.approx(expected / (2 * len(triples)), rel=1e-4)

    def test_large_graphs_have_larger_batches(self, graph: Graph, monkeypatch: pytest.MonkeyPatch):
        small = answer_training_of(graph)
        monkeypatch.setattr("pykeen_negater.scorers.probe.MAX_ANSWERS", NUM_ENTITIES - 1)
        assert answer_training_of(graph).batch_size > small.batch_size
