"""How well probe and guard tell true triples from false ones, beside a KGE and the fine-tuned language model; CoDEx-S.

Run: NEGATER_DATA=... python benchmarks/scorers.py [--seeds 3] [--language-model]

All are trained on nine tenths of the training triples, the language model on at most 2,000 of them. `hidden` is the AUC
of the others against random corruptions in their slot, `verified` that of CoDEx's test triples against its verified
negatives. The guard's figures are about the 16 nearest candidates of each triple in its slot, for queries that it was
not fitted to.
"""

import tempfile
import time

import click
import numpy as np
import torch
from common import append, load, load_verified
from sklearn.metrics import roc_auc_score

from pykeen_negater import mine
from pykeen_negater.candidates.generators import SlotCandidateGenerator
from pykeen_negater.corruption.corruptions import corrupt_at_random
from pykeen_negater.evaluation.samplers import train_reference
from pykeen_negater.guard.hold_out import hold_out_triples
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.fine_tuned import ThresholdsRanker
from pykeen_negater.rankers.probe import ProbeRanker
from pykeen_negater.scorers.kge_models import score_triples
from pykeen_negater.storage.cache import Cache
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.queries import ENTITY_SIDES

DATASET, K = "codex-s", 16


def write(what: str, seed: int, positives: dict[str, np.ndarray], negatives: dict[str, np.ndarray], score, **more):
    """Compute the AUCs of one scorer, and write them."""
    row = {"what": what, "seed": seed}
    for name in positives:
        scores = [score(triples[name]) for triples in (positives, negatives)]
        row[f"auc_{name}"] = roc_auc_score(np.repeat([1, 0], list(map(len, scores))), np.concatenate(scores))
    append("scorers", ["what", "seed"], {**row, **more})
    print(row, more, flush=True)


@click.command()
@click.option("--seeds", default=3)
@click.option("--language-model", is_flag=True, help="Fine-tune the language model as well, once (minutes).")
def main(seeds: int, language_model: bool) -> None:
    """Measure and write."""
    data, texts = load(DATASET)
    verified = load_verified(DATASET, data)
    assert verified is not None
    graph = Graph.from_factory(data.training)
    miner = Miner(graph, MiningSettings(**texts, candidates="slot", k=K))
    vectors = miner.encoder.encode(graph, miner.texts)
    for seed in range(seeds):
        visible, hidden = hold_out_triples(graph, seed=seed)
        generator = np.random.default_rng(seed)
        corruptions = [corrupt_at_random(graph, hidden, side, 1.0, generator) for side in ENTITY_SIDES]
        positives = {"hidden": hidden, "verified": data.testing.mapped_triples.numpy()}
        negatives = {"hidden": np.concatenate(corruptions), "verified": verified[1].numpy()}
        with tempfile.TemporaryDirectory() as folder:
            context = RankingContext(visible, miner.texts, Cache(folder), vectors, seed)
            start = time.perf_counter()
            candidates = SlotCandidateGenerator(k=K).generate(graph, miner.vectors.neighbor_index()[0])
            ranker = ProbeRanker()
            ranker.score(candidates, context)
            seconds = time.perf_counter() - start

            def ranker_score(triples: np.ndarray, ranker=ranker, context=context) -> np.ndarray:
                """Score triples as the ranker does."""
                return ranker.score_triples(triples, context)

            write("probe ranker", seed, positives, negatives, ranker_score, seconds=seconds, candidates=len(candidates))

            def probe(triples: np.ndarray, scorer=context.probe) -> np.ndarray:
                """Score triples with the probe."""
                return np.mean([scorer.score_triples(triples, side) for side in ENTITY_SIDES], axis=0)

            write("probe", seed, positives, negatives, probe)

            def factorization(triples: np.ndarray, scorer=context.factorization) -> np.ndarray:
                """Score triples with the factorization."""
                return np.mean([scorer.score_triples(triples, side) for side in ENTITY_SIDES], axis=0)

            write("factorization", seed, positives, negatives, factorization)
            factory = data.training.clone_and_exchange_triples(torch.from_numpy(visible.triples))
            for name in ("TransE", "PairRE"):
                model = train_reference(factory, name, seed=seed)
                write(name, seed, positives, negatives, lambda triples, model=model: score_triples(model, triples))
            if language_model and not seed:
                thresholds = ThresholdsRanker(seed=seed)
                start = time.perf_counter()
                path, _ = thresholds._fine_tuned(context)
                seconds = time.perf_counter() - start
                write(
                    "fine-tuned MiniLM",
                    seed,
                    positives,
                    negatives,
                    lambda triples, path=path, ranker=thresholds, c=context: ranker._scores(path, triples, c)[0],
                    seconds=seconds,
                )
    pools = mine(dataset=data, **texts, candidates="slot", k=K)
    report = pools.metadata["statistics"]["guard"]["proposed"]
    tenth = report["riskiest_tenth"]
    append(
        "scorers",
        ["what", "seed"],
        {
            "what": "guard",
            "seed": 0,
            "candidates": report["answers"],
            "hidden": report["hidden"],
            "auc_in_slot": report["auc"],
            "auc_by_relation_and_side": report["auc_by_relation_and_side"],
            "brier_skill": report["brier_skill"],
            "riskiest_tenth_expected": tenth["expected"],
            "riskiest_tenth_observed": tenth["observed"],
        },
    )
    print(report)


if __name__ == "__main__":
    main()
