"""RelBERT here: what training on SemEval-2012 brings, how fast pairs are encoded, and how well they tell true triples.

Run: NEGATER_DATA=... python benchmarks/relations.py [--part throughput ...]

- `trained`: MiniLM is trained on SemEval-2012 Task 2 and evaluated, beside itself before the training and beside
  differences of its word vectors. Published figures of a BERT-base stand beside them; they are cited, not measured.
- `throughput`: ours and the way of the original, which pads every sentence to 64 tokens and tokenizes them one by one.
  Both take turns; the median of the turns' ratios counts.
- `ranker`: the AUC of CoDEx-S's test triples against its verified negatives, by what the rankers score with. The
  interval is that of the difference to `similarity`, by bootstrap.
"""

import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import torch
from common import append, data_folder, load, load_verified
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader

from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.fine_tuned import ThresholdsRanker
from pykeen_negater.rankers.relation_embedding import RelationEmbeddingRanker
from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.relations.tasks.evaluation import FIGURES, evaluate_encoders, find_encoders, load_task
from pykeen_negater.relations.tasks.lexical_relations import read_lexical_relations
from pykeen_negater.relations.templates import fill_template
from pykeen_negater.relations.training.data import read_relation_pairs
from pykeen_negater.relations.training.loop import train_relation_encoder
from pykeen_negater.relations.training.settings import RelationTrainingSettings
from pykeen_negater.storage.cache import Cache, fingerprint
from pykeen_negater.texts.language_models import identify_language_model, require_language_model
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL

#: What is evaluated, with the figures of relbert/relbert-bert-base-nce-semeval2012 by its model card
PUBLISHED = {
    "analogy/google.test.jsonl": {"forward": 0.722},
    "analogy/bats.test.jsonl": {"forward": 0.549},
    "lexical_relation/ROOT09": {"micro_f1": 0.887, "macro_f1": 0.885},
    "lexical_relation/BLESS": {"micro_f1": 0.909, "macro_f1": 0.906},
    "relation_mapping/test.jsonl": {"accuracy": 0.852},
}

#: How MiniLM is trained: a step is about many relation types, so that each pair serves the losses of all of them, and
#: the learning rate is that of a small model. As in the original, there are ten epochs, and no pairs are held out.
TRAINING = RelationTrainingSettings(
    relations_per_step=16,
    num_negative=10,
    parent_relations=False,
    learning_rate=2e-4,
    validation_share=0.0,
)

#: What CoDEx-S's pairs are compared by
RANKERS: dict[str, dict[str, Any]] = {"untrained": {}, "trained on SemEval-2012": {}}

#: The number of turns and of pairs in each; the original's length, and its batch size where it classifies such pairs
TURNS, PAIRS_PER_TURN, LENGTH, BATCH_SIZE = 5, 1_024, 64, 512

#: The number of resamples of the bootstrap
RESAMPLES = 1_000


def record(data: str, figure: str, encoder: str, value: float, **more: float) -> None:
    """Write a figure."""
    row = {"data": data, "figure": figure, "encoder": encoder, "value": value, **more}
    append("relations", ["data", "figure", "encoder"], row)
    print(row, flush=True)


def trained_encoder() -> Path:
    """Train MiniLM on SemEval-2012, once, and write how long that takes."""
    pairs = read_relation_pairs(data_folder() / "relational" / "semeval2012_task2" / "gold_ratings.tsv")
    cache = Cache()

    def build(folder: Path) -> None:
        """Fill a folder of the cache with the encoder."""
        start = time.perf_counter()
        print(train_relation_encoder(None, pairs, folder / "encoder", TRAINING, cache=cache))
        record("semeval2012_task2", "minutes of training", "trained", (time.perf_counter() - start) / 60)

    settings = {"model": identify_language_model(require_language_model()), "training": asdict(TRAINING)}
    path, _ = cache.get_or_build("relation-encoders", fingerprint(settings), build)
    return path / "encoder"


def measure_trained() -> None:
    """Evaluate the trained encoder, the untrained one, and differences of word vectors."""
    encoders = find_encoders(str(trained_encoder()), cache=Cache())
    for name, published in PUBLISHED.items():
        for result in evaluate_encoders([load_task(data_folder() / "relational" / name, n_jobs=-1)], encoders):
            for figure in FIGURES[result["task"]]:
                record(name, figure, result["encoder"], result[figure])
        for figure, value in published.items():
            record(name, figure, "published BERT-base", value)


@torch.inference_mode()
def encode_as_the_original(encoder: RelationEncoder, pairs: list[tuple[str, str]]) -> np.ndarray:
    """Encode pairs padded to the same length, in the order in which they come."""
    tokenizer = encoder.tokenizer
    rows = []
    for head, tail in pairs:
        sentence = fill_template(encoder.template, head, tail, tokenizer.mask_token)
        encoded = tokenizer(sentence, max_length=LENGTH, truncation=True, padding="max_length")
        left_out = (tokenizer.pad_token_id, tokenizer.mask_token_id)
        weights = [float(token not in left_out) for token in encoded["input_ids"]]
        rows.append({name: torch.tensor(values) for name, values in {**encoded, "weights": weights}.items()})
    vectors = []
    for batch in DataLoader(rows, batch_size=BATCH_SIZE):
        weights = batch.pop("weights")
        hidden = encoder.language_model(**batch).last_hidden_state
        vectors.append((hidden * weights.unsqueeze(dim=-1)).sum(dim=1))
    return torch.cat(vectors).numpy()


def measure_throughput() -> None:
    """Encode the same pairs in both ways, in turns."""
    encoder = RelationEncoder()
    pairs = list(
        dict.fromkeys(read_lexical_relations(data_folder() / "relational/lexical_relation/ROOT09").train.pairs)
    )
    ratios = []
    for turn in range(TURNS):
        chosen = pairs[turn * PAIRS_PER_TURN : (turn + 1) * PAIRS_PER_TURN]
        seconds, vectors = [], []
        for encode in (lambda x: encode_as_the_original(encoder, x), encoder.get_embedding):
            start = time.perf_counter()
            vectors.append(encode(chosen))
            seconds.append(time.perf_counter() - start)
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-3)
        ratios.append(seconds[0] / seconds[1])
    record("lexical_relation/ROOT09", "pairs per second, times the original's", "untrained", median(ratios))


def nearest_answer(graph: Graph, vectors: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Score triples as `similarity` does: by how near they are to a known triple that they may be a corruption of."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.full(len(triples), -1.0)
    for row, (head, relation, tail) in enumerate(triples):
        known = graph.triples[graph.triples[:, RELATION] == relation]
        tails, heads = known[known[:, HEAD] == head, TAIL], known[known[:, TAIL] == tail, HEAD]
        cosines = np.concatenate([unit[tails] @ unit[tail], unit[heads] @ unit[head]])
        scores[row] = cosines.max(initial=-1.0)
    return scores


def measure_ranker() -> None:
    """Compute the AUCs of what rankers score with."""
    data, texts = load("codex-s")
    verified = load_verified("codex-s", data)
    assert verified is not None
    graph = Graph.from_factory(data.training)
    miner = Miner(graph, MiningSettings(**texts))
    vectors = miner.encoder.encode(graph, miner.texts)
    triples = np.concatenate([data.testing.mapped_triples.numpy(), verified[1].numpy()])
    labels = np.arange(len(triples)) < data.testing.num_triples
    context = RankingContext(graph, miner.texts, Cache(), vectors)
    thresholds = ThresholdsRanker()
    scores = {
        "similarity": nearest_answer(graph, vectors, triples),
        "thresholds": thresholds._scores(thresholds._fine_tuned(context)[0], triples, context)[0],
    }
    for name, kwargs in RANKERS.items():
        given = {"model": str(trained_encoder())} if name.startswith("trained on SemEval") else {}
        ranker = RelationEmbeddingRanker(**kwargs, **given)
        scores[f"relation-embedding, {name}"] = ranker.make_scorer(context)[0].compute(triples)
    samples = np.random.default_rng(0).integers(len(triples), size=(RESAMPLES, len(triples)))
    baseline = [roc_auc_score(labels[rows], scores["similarity"][rows]) for rows in samples]
    for name, values in scores.items():
        differences = [
            roc_auc_score(labels[rows], values[rows]) - auc for rows, auc in zip(samples, baseline, strict=True)
        ]
        low, high = np.quantile(differences, [0.05, 0.95])
        auc = roc_auc_score(labels, values)
        record("codex-s", "AUC, verified negatives", name, auc, difference_low=low, difference_high=high)


PARTS = {"trained": measure_trained, "throughput": measure_throughput, "ranker": measure_ranker}


@click.command()
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, default=list(PARTS))
def main(parts: tuple[str, ...]) -> None:
    """Measure and write."""
    for part in parts:
        PARTS[part]()


if __name__ == "__main__":
    main()
